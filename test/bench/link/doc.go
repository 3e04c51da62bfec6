// Package link makes two network namespaces with a link between them that has a rate and a delay, so that transfers can be
// measured over something like a real network on one machine. The kernel's TCP runs over it as over any other.
//
// Each namespace has a TUN device. What one end's kernel sends is read here, waits its turn at the rate of the link in a
// queue with a bound, is held for the delay, and is written to the other end's device. So there is no need for sch_netem,
// which few kernels of test machines have, nor for any other program. It takes Linux, CAP_SYS_ADMIN and /dev/net/tun.
//
// Namespaces have no names and end with the process.
package link

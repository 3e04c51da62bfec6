//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/test/faults"
)

// proxyImage holds test/faults/proxy and nothing else.
const proxyImage = "oras-test/proxy:e2e"

// proxy makes the registry of a namespace's cache fail as told: test/faults/proxy in a pod, driven through the API server.
type proxy struct {
	cluster *cluster
	pod     *corev1.Pod
	address string // for the registry's clients in the cluster
}

// proxy starts one, without rules. Only steps that have its keys go through it.
func (c *cluster) proxy(t *testing.T, namespace string) *proxy {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "proxy"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "proxy", Image: proxyImage, ImagePullPolicy: corev1.PullIfNotPresent,
			Args:           []string{"--listen=:5001", "--admin=:5002", "--upstream=http://" + cacheName + "." + namespace + ".svc:5000"},
			ReadinessProbe: answers("/rules", 5002),
		}}},
	}
	return &proxy{cluster: c, pod: pod, address: net.JoinHostPort(c.serve(t, pod), "5001")}
}

// answers is the probe of a server that is ready as soon as it answers.
func answers(path string, port int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)}},
		PeriodSeconds: 1,
	}
}

// serve creates a pod, waits until it is ready and returns its address.
func (c *cluster) serve(t *testing.T, pod *corev1.Pod) string {
	t.Helper()
	assert.NilError(t, c.Create(t.Context(), pod))
	await(t, "pod "+pod.Name+" is ready", func(ctx context.Context) (bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(pod), pod)
		return isReady(pod), err
	})
	return pod.Status.PodIP
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(condition corev1.PodCondition) bool {
		return condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue
	})
}

// keys are those of a step, which they make use the proxy for its registry.
func (p *proxy) keys(own keys) keys { return through(p.address, own) }

// through adds to the keys of a step which registry it is to use, over plain HTTP.
func through(registry string, own keys) keys {
	all := keys{"registry": registry, "plain-http": "true"}
	maps.Copy(all, own)
	return all
}

// rules puts rules in the place of all. What those have held goes on.
func (p *proxy) rules(t *testing.T, list ...faults.Rule) {
	t.Helper()
	text, err := json.Marshal(list)
	assert.NilError(t, err)
	assert.NilError(t, p.admin(http.MethodPut, "rules").Body(text).Do(t.Context()).Error())
}

// hold puts a rule in force that holds an exchange at a point, and is called "hold".
func (p *proxy) hold(t *testing.T, rule faults.Rule) {
	t.Helper()
	rule.Name, rule.Do = "hold", faults.Stall
	p.rules(t, rule)
}

// release takes all rules away. What they have held goes on.
func (p *proxy) release(t *testing.T) {
	t.Helper()
	assert.NilError(t, p.admin(http.MethodDelete, "rules").Do(t.Context()).Error())
}

// remove takes the rules of a name away. What they have held goes on.
func (p *proxy) remove(t *testing.T, rule string) {
	t.Helper()
	assert.NilError(t, p.admin(http.MethodDelete, "rules/"+rule).Do(t.Context()).Error())
}

// awaitFired waits until a rule has happened so often.
func (p *proxy) awaitFired(t *testing.T, rule string, times int) {
	t.Helper()
	await(t, fmt.Sprintf("rule %s of the proxy has happened %d times", rule, times), func(ctx context.Context) (bool, error) {
		fired, err := p.count(ctx, rule)
		return fired >= times, err
	})
}

// fired is how often a rule has happened.
func (p *proxy) fired(t *testing.T, rule string) int {
	t.Helper()
	fired, err := p.count(t.Context(), rule)
	assert.NilError(t, err)
	return fired
}

func (p *proxy) count(ctx context.Context, rule string) (fired int, err error) {
	var standing []faults.Standing
	err = p.read(ctx, "rules", &standing)
	for _, s := range standing {
		if s.Name == rule {
			fired = s.Fired
		}
	}
	return fired, err
}

// log is every request so far and what came of it.
func (p *proxy) log(t *testing.T) []faults.Exchange {
	t.Helper()
	var log []faults.Exchange
	assert.NilError(t, p.read(t.Context(), "log", &log))
	return log
}

// read decodes what the proxy says at a path.
func (p *proxy) read(ctx context.Context, path string, into any) error {
	text, err := p.admin(http.MethodGet, path).DoRaw(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// admin is a request to those who drive the proxy, by way of the API server.
func (p *proxy) admin(method, path string) *rest.Request {
	return p.cluster.Kube.CoreV1().RESTClient().Verb(method).
		Namespace(p.pod.Namespace).Resource("pods").Name(p.pod.Name + ":5002").SubResource("proxy").Suffix(path)
}

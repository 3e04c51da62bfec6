// Package certs gives the operator's webhooks and registries their certificates, with nothing else installed in the cluster.
//
// One Secret holds a certificate authority and a serving certificate ([bundle]). The leader alone writes it ([Keeper]): it
// rotates by [rotate], a pure function, and puts the authorities into the webhook configurations. Every replica reads it
// ([Source]) and serves the newest certificate without a restart.
//
// A rotation never leaves a moment in which a replica serves what the API server does not trust yet: a new authority is
// first published beside the old one, and only signs a serving certificate once all have had time to learn of it; an old
// authority is trusted until it expires.
//
// Registries that speak HTTPS get theirs from an [Issuer], which has authorities of its own and rotates by the same rule. Its
// callers write what it returns.
package certs

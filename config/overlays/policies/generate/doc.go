// Command generate prints the admission policies of config/overlays/policies: in CEL, for the API server itself to decide,
// what the operator's webhooks decide, as far as CEL can say it and never more strictly. What they match is read from
// config/webhook, and which keys there are from package v1alpha1.
package main

// Package webhook brings packages plan and inject to the API server: it decodes a request, finds the registry that the
// object's keys name, and answers with a lossless patch or with every reason for a denial.
//
// Pods are injected when they are created. So are Jobs, in their template, that quotas see the whole pod and mistakes are
// told to the person who made the Job; the pods of such a Job then need nothing more. Updates of Jobs are never denied.
package webhook

package artifact

import (
	"encoding/json"
	"strconv"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Annotation keys of a manifest that say where an artifact came from. All but the first start with the prefix that the
// project's metadata keys share.
const (
	AnnotationCreated   = ocispec.AnnotationCreated
	AnnotationNamespace = "oras.converged-computing.github.io/namespace"
	AnnotationJob       = "oras.converged-computing.github.io/job"
	AnnotationPod       = "oras.converged-computing.github.io/pod"
	AnnotationContainer = "oras.converged-computing.github.io/container"
	AnnotationAttempt   = "oras.converged-computing.github.io/attempt"
	AnnotationExitCode  = "oras.converged-computing.github.io/exit-code"
	AnnotationInputs    = "oras.converged-computing.github.io/inputs"
	// AnnotationIncomplete is "true" where the command was killed before it had ended.
	AnnotationIncomplete = "oras.converged-computing.github.io/incomplete"
	// AnnotationPatchedFrom is the digest of the manifest that files were changed of.
	AnnotationPatchedFrom = "oras.converged-computing.github.io/patched-from"
)

// Lineage says where an artifact came from. What is unknown is empty, zero or nil.
type Lineage struct {
	Created   time.Time `json:"created,omitzero"` // kept with whole seconds, UTC
	Namespace string    `json:"namespace,omitempty"`
	Job       string    `json:"job,omitempty"`
	Pod       string    `json:"pod,omitempty"`
	Container string    `json:"container,omitempty"`
	Attempt   int       `json:"attempt,omitempty"`  // from 1
	ExitCode  *int      `json:"exitCode,omitempty"` // of the command
	Inputs    []string  `json:"inputs,omitempty"`   // repository[:tag]@digest each
	// Incomplete says that the command was killed before it had ended, and this is what it had made by then.
	Incomplete bool `json:"incomplete,omitempty"`
	// PatchedFrom is the digest of the manifest of the artifact that files were changed of to get this one.
	PatchedFrom string `json:"patchedFrom,omitempty"`
}

// Annotations returns l as annotations of a manifest.
func (l Lineage) Annotations() map[string]string {
	all := map[string]string{
		AnnotationNamespace:   l.Namespace,
		AnnotationJob:         l.Job,
		AnnotationPod:         l.Pod,
		AnnotationContainer:   l.Container,
		AnnotationPatchedFrom: l.PatchedFrom,
	}
	if !l.Created.IsZero() {
		all[AnnotationCreated] = l.Created.UTC().Format(time.RFC3339)
	}
	if l.Attempt > 0 {
		all[AnnotationAttempt] = strconv.Itoa(l.Attempt)
	}
	if l.ExitCode != nil {
		all[AnnotationExitCode] = strconv.Itoa(*l.ExitCode)
	}
	if len(l.Inputs) > 0 {
		inputs, _ := json.Marshal(l.Inputs) //nolint:errchkjson // strings always encode
		all[AnnotationInputs] = string(inputs)
	}
	if l.Incomplete {
		all[AnnotationIncomplete] = strconv.FormatBool(true)
	}
	for key, value := range all {
		if value == "" {
			delete(all, key)
		}
	}
	return all
}

// LineageOf reads the lineage from annotations. What is missing or malformed stays unknown.
func LineageOf(annotations map[string]string) Lineage {
	l := Lineage{
		Namespace:   annotations[AnnotationNamespace],
		Job:         annotations[AnnotationJob],
		Pod:         annotations[AnnotationPod],
		Container:   annotations[AnnotationContainer],
		PatchedFrom: annotations[AnnotationPatchedFrom],
	}
	l.Incomplete, _ = strconv.ParseBool(annotations[AnnotationIncomplete])
	if created, err := time.Parse(time.RFC3339, annotations[AnnotationCreated]); err == nil {
		l.Created = created.UTC()
	}
	if attempt, err := strconv.Atoi(annotations[AnnotationAttempt]); err == nil && attempt > 0 {
		l.Attempt = attempt
	}
	if code, err := strconv.Atoi(annotations[AnnotationExitCode]); err == nil {
		l.ExitCode = &code
	}
	var inputs []string
	if json.Unmarshal([]byte(annotations[AnnotationInputs]), &inputs) == nil {
		l.Inputs = inputs
	}
	return l
}

package plan

import (
	"slices"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

func (r *reader) outputs() []Output {
	var outputs []Output
	for _, n := range r.numbers(v1alpha1.KeyOutputURI) {
		out := Output{
			Key:          keyName(v1alpha1.KeyOutputURI, n),
			PathKey:      keyName(v1alpha1.KeyOutputPath, n),
			ContainerKey: keyName(v1alpha1.KeyOutputContainer, n),
			Container:    r.settings[v1alpha1.KeyOutputContainer][n],
		}
		value := r.settings[v1alpha1.KeyOutputURI][n]
		out.Artifact = r.outputReference(out.Key, value)
		if path, ok := r.settings[v1alpha1.KeyOutputPath][n]; ok {
			out.Path = r.cleanOutputPath(out.PathKey, path)
		}
		twin := slices.IndexFunc(outputs, func(o Output) bool { return sameArtifact(o, out) })
		if twin >= 0 && out.Artifact != "" {
			r.add(out.Key, value, "is the same artifact as %s; give each output its own", outputs[twin].Key)
		}
		outputs = append(outputs, out)
	}
	return outputs
}

// sameArtifact tells whether two outputs are one, whichever containers there are.
func sameArtifact(a, b Output) bool {
	apart := slices.Contains(placeholder.In(a.Artifact), placeholder.Container) && a.Container != b.Container
	return a.Artifact == b.Artifact && !apart
}

func (r *reader) outputPipe() string {
	value, ok := r.one(v1alpha1.KeyOutputPipe)
	if !ok {
		return ""
	}
	return r.cleanPipe(v1alpha1.KeyOutputPipe, value)
}

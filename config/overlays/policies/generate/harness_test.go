package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"gotest.tools/v3/assert"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/version"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const overlay = "../policies.yaml"

// versions are those of Kubernetes whose CEL the policies are compiled with: the first that has policies, and this one's.
func versions() map[string]*version.Version {
	return map[string]*version.Version{"1.30": version.MajorMinor(1, 30), "current": environment.DefaultCompatibilityVersion()}
}

// server decides as the API server does, by the policies of the overlay, each compiled by its compiler.
type server map[string]compiled

type compiled struct {
	validating.Validator
	resources []string
	verbs     []admissionv1.OperationType
}

func newServer(t *testing.T, v *version.Version) server {
	t.Helper()
	s := server{}
	for _, p := range read(t) {
		rule := p.Spec.MatchConstraints.ResourceRules[0]
		s[p.Name] = compiled{compile(t, p, v), rule.Resources, rule.Operations}
	}
	return s
}

// decide is the answer to the creation of an object: empty where it is allowed.
func (s server) decide(t *testing.T, resource string, object runtime.Object) string {
	t.Helper()
	return s.update(t, resource, object, nil)
}

// update is the answer to a change of an object, or to its creation where there is none before.
func (s server) update(t *testing.T, resource string, object, before runtime.Object) string {
	t.Helper()
	verb := admissionv1.Create
	if before != nil {
		verb = admissionv1.Update
	}
	kind := object.GetObjectKind().GroupVersionKind()
	gvr := kind.GroupVersion().WithResource(resource)
	attributes := admission.NewAttributesRecord(object, before, kind, "default", "x", gvr, "", admission.Operation(verb), nil, false, &user.DefaultInfo{})
	versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedKind: kind, VersionedObject: admission.NewLazyObject(object), VersionedOldObject: admission.NewLazyObject(before)}
	asked, answer := false, ""
	for name, p := range s {
		if !slices.Contains(p.resources, resource) || !slices.Contains(p.verbs, verb) {
			continue
		}
		asked = true
		result := p.Validate(t.Context(), gvr, versioned, nil, &corev1.Namespace{}, celconfig.RuntimeCELCostBudget, nil)
		for _, decision := range result.Decisions {
			assert.Assert(t, decision.Evaluation != validating.EvalError, "%s: %s", name, decision.Message)
			if decision.Action == validating.ActionDeny {
				answer = decision.Message
			}
		}
	}
	assert.Assert(t, asked || verb == admissionv1.Update, "no policy is about %s", resource)
	return answer
}

// read returns the policies of the overlay.
func read(t *testing.T) []*admissionv1.ValidatingAdmissionPolicy {
	t.Helper()
	data, err := os.ReadFile(overlay)
	assert.NilError(t, err)
	var list []*admissionv1.ValidatingAdmissionPolicy
	documents := utilyaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(data)))
	defer documents.Close() //nolint:errcheck // it is a byte slice
	for buffer := make([]byte, len(data)); ; {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			assert.Equal(t, len(list), len(policies()))
			return list
		}
		assert.NilError(t, err)
		var p admissionv1.ValidatingAdmissionPolicy
		assert.NilError(t, yaml.Unmarshal(buffer[:n], &p))
		if p.Kind == "ValidatingAdmissionPolicy" {
			list = append(list, &p)
		}
	}
}

// compile does what the API server does with a policy that is written, with the CEL of that version.
func compile(t *testing.T, p *admissionv1.ValidatingAdmissionPolicy, v *version.Version) validating.Validator {
	t.Helper()
	compiler, err := cel.NewCompositedCompiler(environment.MustBaseEnvSet(v))
	assert.NilError(t, err)
	declared := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	for _, v := range p.Spec.Variables {
		result := compiler.CompileAndStoreVariable(&validating.Variable{Name: v.Name, Expression: v.Expression}, declared, environment.NewExpressions)
		assert.Assert(t, result.Error == nil, "%s: variable %s: %v", p.Name, v.Name, result.Error)
	}
	condition := func(what string, declared cel.OptionalVariableDeclarations, expressions ...cel.ExpressionAccessor) cel.ConditionEvaluator {
		evaluator := compiler.CompileCondition(expressions, declared, environment.NewExpressions)
		assert.Equal(t, len(evaluator.CompilationErrors()), 0, "%s: %s: %v", p.Name, what, evaluator.CompilationErrors())
		return evaluator
	}
	var matches []cel.ExpressionAccessor
	for i := range p.Spec.MatchConditions {
		matches = append(matches, (*matchconditions.MatchCondition)(&p.Spec.MatchConditions[i]))
	}
	var conditions, messages []cel.ExpressionAccessor
	for _, v := range p.Spec.Validations {
		conditions = append(conditions, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message})
		messages = append(messages, &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression})
	}
	return validating.NewValidator(
		condition("validations", declared, conditions...),
		matchconditions.NewMatcher(condition("matchConditions", declared, matches...), p.Spec.FailurePolicy, "policy", "validate", p.Name),
		condition("auditAnnotations", declared),
		condition("messages", cel.OptionalVariableDeclarations{}, messages...),
		p.Spec.FailurePolicy, nil)
}

// decode is an object as the API server has it: typed, where this client knows the type.
func decode(t *testing.T, manifest []byte) runtime.Object {
	t.Helper()
	data, err := yaml.YAMLToJSON(manifest)
	assert.NilError(t, err)
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(data, nil, nil)
	if runtime.IsNotRegisteredError(err) {
		custom := &unstructured.Unstructured{}
		assert.NilError(t, custom.UnmarshalJSON(data))
		return custom
	}
	assert.NilError(t, err)
	return object
}

// meta sets the type of an object made in Go.
func meta(group, kind string) metav1.TypeMeta {
	v, k := schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind}.ToAPIVersionAndKind()
	return metav1.TypeMeta{APIVersion: v, Kind: k}
}

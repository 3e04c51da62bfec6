package main

import (
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// policy refuses an object unless what it may be holds. It has the name of the webhook whose objects it looks at.
type policy struct {
	name       string
	operations []admissionv1.OperationType // fewer than the webhook's; nil: the same
	variables  []admissionv1.Variable
	allows     string // an expression
	message    string // where the sentence that says finds is too long
	says       string // an expression
}

// policies lists all of them.
func policies() []policy {
	all := []policy{steps()}
	for _, w := range workloads() {
		all = append(all, keys(w))
	}
	return all
}

func (p policy) object(s scope) *admissionv1.ValidatingAdmissionPolicy {
	rules := make([]admissionv1.NamedRuleWithOperations, len(s.Rules))
	for i, rule := range s.Rules {
		if p.operations != nil {
			rule.Operations = p.operations
		}
		rules[i].RuleWithOperations = rule
	}
	return &admissionv1.ValidatingAdmissionPolicy{
		TypeMeta:   typeMeta("ValidatingAdmissionPolicy"),
		ObjectMeta: metav1.ObjectMeta{Name: p.name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy:    ptr.To(admissionv1.Fail),
			MatchConstraints: &admissionv1.MatchResources{NamespaceSelector: s.NamespaceSelector, ResourceRules: rules},
			MatchConditions:  s.MatchConditions,
			Variables:        p.variables,
			Validations:      []admissionv1.Validation{{Expression: p.allows, Message: p.message, MessageExpression: p.says}},
		},
	}
}

func (p policy) binding() *admissionv1.ValidatingAdmissionPolicyBinding {
	return &admissionv1.ValidatingAdmissionPolicyBinding{
		TypeMeta:   typeMeta("ValidatingAdmissionPolicyBinding"),
		ObjectMeta: metav1.ObjectMeta{Name: p.name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        p.name,
			ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: kind}
}

func variable(name, format string, args ...any) admissionv1.Variable {
	return admissionv1.Variable{Name: name, Expression: fmt.Sprintf(format, args...)}
}

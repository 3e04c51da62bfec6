package main

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// keys refuses a workload with keys that no step can have: plan.Parse in CEL, as far as that goes. Each variable that finds
// mistakes is a list of texts, one for each template, since CEL has nothing to flatten lists with before 1.34.
func keys(w workload) policy {
	p := policy{name: w.name + "." + domain, operations: w.operations, variables: []admissionv1.Variable{
		steppers(w), found(w), settings(), values(),
	}}
	mistakes := []admissionv1.Variable{unknown(), empty(), misplaced(), twice(w)}
	for _, c := range checks() {
		mistakes = append(mistakes, c.variable())
	}
	mistakes = append(mistakes, unpaired(), together())
	names := make([]string, len(mistakes))
	for i, v := range mistakes {
		names[i] = "variables." + v.Name
	}
	p.variables = append(p.variables, mistakes...)
	p.variables = append(p.variables, idle(),
		variable("mistakes", "[\n  %s\n].map(of, of.filter(m, m != '').join('; ')).filter(m, m != '').join('; ')", strings.Join(names, ",\n  ")),
		variable("reasons", "variables.mistakes != '' ? variables.mistakes : variables.idle.filter(m, m != '').join('; ')"))
	p.allows = "variables.reasons == ''"
	p.message = "keys of " + v1alpha1.KeyPrefix + " have mistakes, more than fit here; config/steps.md of the operator lists what each may be"
	p.says = `"this " + object.kind + " cannot be a step of a workflow: " + variables.reasons`
	return p
}

// steppers are the templates with keys, each a list: a map that says where it is, then those that its keys are read from.
// What is injected already is passed over, as by the webhooks.
func steppers(w workload) admissionv1.Variable {
	return variable("steps", `%s.filter(each, !%s.?spec.?initContainers.orValue([]).exists(c,
  c.name == "oras" && c.?restartPolicy.orValue("") == "Always")).map(each, [
  dyn({"where": %s}),
%s
]).filter(step, step.exists(m, m.exists(k, %s)) && !("kubernetes.io/config.mirror" in step[2]))`, w.each, w.pod, w.where, w.metadata(), userKey())
}

// found are the keys of each template, with the first value that is found.
func found(w workload) admissionv1.Variable {
	var lists []string
	for i := range 2 * len(w.sources) {
		lists = append(lists, fmt.Sprintf("  step[%d].filter(k, %s%s).map(k,\n    {'where': string(step[0].where), 'key': k.substring(%d), 'value': string(step[%[1]d][k])})",
			i+1, userKey(), notBefore(i+1), len(v1alpha1.KeyPrefix)))
	}
	return variable("found", "variables.steps.map(step,\n%s)", strings.Join(lists, " +\n"))
}

// settings are found, with the key without its number, and what begins a sentence about it.
func settings() admissionv1.Variable {
	return variable("settings", `variables.found.map(of, of.map(s, {
  'key': s.where + s.key, 'name': s.key, 'base': s.key.split('_')[0], 'value': s.value,
  'this': s.where + s.key + ': ' + %s + ' '}))`, quoted("s.value"))
}

// values are the settings that are known, not empty, and without placeholders where none can be.
func values() admissionv1.Variable {
	return variable("values", `variables.settings.map(of, of.filter(s, s.base in %s &&
  s.value != '' && (s.base in %s || !s.value.contains('{'))))`, texts(supported()), texts(named(func(k v1alpha1.Key) bool { return k.Placeholders })))
}

// unknown finds keys that do not exist.
func unknown() admissionv1.Variable {
	plain := named(func(v1alpha1.Key) bool { return true })
	numbered := named(func(k v1alpha1.Key) bool { return k.Numbered })
	return variable("unknown", `variables.settings.map(of, of.filter(s, !(s.name in %s) &&
  !s.name.matches(%s)).map(s,
  s.key + %s).join('; '))`, texts(plain), pattern("^("+strings.Join(numbered, "|")+")_0*[0-9]{1,19}$"),
		text(": there is no such key; there are "+strings.Join(supported(), ", ")+", and _N may follow "+strings.Join(numbered, ", ")))
}

// empty finds keys without a value.
func empty() admissionv1.Variable {
	var examples []string
	for _, key := range v1alpha1.Keys() {
		if !key.Ignored {
			examples = append(examples, "  "+text(key.Name)+": "+text(fmt.Sprintf("%q", key.Example)))
		}
	}
	return variable("empty", `variables.settings.map(of, of.filter(s, s.base in %s && s.value == '').map(s,
  s.key + ': the value is empty; write one, such as ' + {
%s
  }[s.base] + ', or remove the key').join('; '))`, texts(supported()), strings.Join(examples, ",\n"))
}

// misplaced finds placeholders where none can be.
func misplaced() admissionv1.Variable {
	literal := named(func(k v1alpha1.Key) bool { return !k.Ignored && !k.Placeholders })
	return variable("misplaced", `variables.settings.map(of, of.filter(s, s.base in %s && s.value.contains('{')).map(s,
  s.this + 'holds a placeholder ({…}), which this key does not take; write the value out').join('; '))`, texts(literal))
}

// twice finds keys that are a label and an annotation of one object, with different values.
func twice(w workload) admissionv1.Variable {
	var lists []string
	for i := range w.sources {
		label, annotation := 2*i+1, 2*i+2
		lists = append(lists, fmt.Sprintf(`  step[%[1]d].filter(k, %[3]s%[4]s && k in step[%[2]d] && step[%[1]d][k] != step[%[2]d][k]).map(k,
    step[0].where + k.substring(%[5]d) + ': the label says ' + %[6]s +
    ' and the annotation ' + %[7]s + '; keep one of the two')`,
			label, annotation, userKey(), notBefore(label), len(v1alpha1.KeyPrefix),
			quoted(fmt.Sprintf("step[%d][k]", label)), quoted(fmt.Sprintf("step[%d][k]", annotation))))
	}
	return variable("twice", "variables.steps.map(step, (\n%s).join('; '))", strings.Join(lists, " +\n"))
}

// notBefore is true of a key k that none of the first n-1 maps of a step has, the one that says where it is aside.
func notBefore(n int) string {
	var b strings.Builder
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, " && !(k in step[%d])", i)
	}
	return b.String()
}

func supported() []string {
	return named(func(k v1alpha1.Key) bool { return !k.Ignored })
}

// named lists the names of the keys that are such.
func named(such func(v1alpha1.Key) bool) []string {
	var list []string
	for _, key := range v1alpha1.Keys() {
		if such(key) {
			list = append(list, key.Name)
		}
	}
	return list
}

package main

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// unpaired finds settings of artifacts that are not there. Numbers with leading zeros may be those of others without.
func unpaired() admissionv1.Variable {
	var lists []string
	for _, p := range []struct {
		artifact string
		settings []string
		alone    string // what the artifact's keys begin with where a setting without a number stands for all of them
	}{
		{v1alpha1.KeyInputURI, []string{v1alpha1.KeyInputPath, v1alpha1.KeyInputOptional, v1alpha1.KeyInputCount}, v1alpha1.KeyInputURI},
		{v1alpha1.KeyOutputURI, []string{v1alpha1.KeyOutputPath, v1alpha1.KeyOutputContainer}, ""},
	} {
		expression := "^" + strings.ReplaceAll(v1alpha1.KeyPrefix, ".", `\.`) + "(" + strings.Join(p.settings, "|") + ")(_[0-9]+)?$"
		artifact := "(" + prefixed(p.artifact) + " + (k.contains('_') ? '_' + k.split('_')[1] : ''))"
		missing := "!step.exists(n, " + artifact + " in n)"
		if p.alone != "" {
			missing = "(k.contains('_') ? " + missing + " : !step.exists(n, n.exists(a, a.startsWith(" + prefixed(p.alone) + "))))"
		}
		lists = append(lists, fmt.Sprintf(`  step.map(m, m.filter(k, k.matches(%s) && %s).map(k, step[0].where + k.substring(%[3]d) + ': ' + %[4]s +
    ' has no ' + %[5]s.substring(%[3]d) + ' beside it; set that key, or remove this one').join('; ')).filter(x, x != '').join('; ')`,
			pattern(expression), missing, len(v1alpha1.KeyPrefix), quoted("m[k]"), artifact))
	}
	return variable("unpaired", `variables.steps.map(step, step.exists(m, m.exists(k, k.startsWith(%s) && k.matches('_0[0-9]'))) ? '' : [
%s].filter(x, x != '').join('; '))`, prefixed(""), strings.Join(lists, ",\n"))
}

// together finds what no single key is to blame for.
func together() admissionv1.Variable {
	cases := []answer{
		{"!" + given(v1alpha1.KeyCache) + " && !" + given(v1alpha1.KeyRegistry),
			"oras-cache: the key is missing; set it to the name of an OrasCache of this namespace, or set registry"},
		{given(v1alpha1.KeyPlainHTTP) + " && " + given(v1alpha1.KeyCache) + " && !" + given(v1alpha1.KeyRegistry),
			"plain-http: the key is for the key registry only, and an OrasCache tells itself how to speak to it; remove the key"},
		{given(v1alpha1.KeyCredentials) + " && !" + given(v1alpha1.KeyRegistry),
			"credentials: the key is for the key registry only, and an OrasCache lets the steps of its namespace in itself; remove the key"},
		{given(v1alpha1.KeyOrasEnv) + " && " + given(v1alpha1.KeyCredentials),
			"oras-env: the key stands beside credentials; keep one of the two"},
	}
	texts := make([]string, len(cases))
	for i, c := range cases {
		texts[i] = "  " + c.when + " ?\n    " + text(c.says) + " : ''"
	}
	return variable("together", "variables.steps.map(step, [\n%s\n].filter(m, m != '').map(m, step[0].where + m).join('; '))", strings.Join(texts, ",\n"))
}

// idle finds steps with neither an input nor an output, which is only a mistake where there is no other.
func idle() admissionv1.Variable {
	return variable("idle", `variables.steps.map(step, step.exists(m, m.exists(k, k.startsWith(%s) || k.startsWith(%s))) ? '' :
  step[0].where + 'output-uri: the step has neither an input nor an output; set input-uri or output-uri, or remove the other keys')`,
		prefixed(v1alpha1.KeyInputURI), prefixed(v1alpha1.KeyOutputURI))
}

// given is true of a step that has a key.
func given(key string) string { return "step.exists(m, " + prefixed(key) + " in m)" }

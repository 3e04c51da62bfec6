package main

import (
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/placeholder"
)

// check finds what is wrong with the values of some keys.
type check struct {
	name  string
	bases []string
	cases []answer // of a setting s, the first that is true; what it says follows the key and the value
}

// variable is the mistakes that the check finds, those of each template in one text.
func (c check) variable() admissionv1.Variable {
	return variable(c.name, "variables.values.map(of, of.filter(s, s.base in %s).map(s, [s.this,\n%s]).filter(m, m[1] != '').map(m, m[0] + m[1]).join('; '))",
		texts(c.bases), choose(c.cases))
}

// Regular expressions of what package plan takes for a label, for a number of a duration, and for a part of a repository.
const (
	label     = `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`
	number    = `([0-9]+(\.[0-9]*)?|\.[0-9]+)`
	component = `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
)

// checks lists those that look at one value alone, but for the words of enumerations, which the table of keys lists.
func checks() []check {
	all := []check{
		{"names", []string{v1alpha1.KeyCache}, []answer{
			{"!s.value.matches(" + pattern("^"+label+"$") + ")", text("is not a name; names have at most 63 lower case letters, digits and dashes, and neither begin nor end with a dash")},
		}},
		{"secrets", valued(v1alpha1.FormSecret), []answer{
			{"s.value.size() > 253 || !s.value.matches(" + pattern(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`) + ")",
				text("is not the name of a Secret; names have at most 253 lower case letters, digits, dashes and dots, and begin and end with a letter or digit")},
		}},
		{"lists", valued(v1alpha1.FormNames), []answer{
			{"s.value.split(',', 102).size() > 100", text("names too many containers; a step has at most 100")},
			{"!s.value.split(',').all(name, name.trim().matches(" + pattern("^"+label+"$") + "))", text("is not a list of container names; write name or name,name")},
			{"s.value.split(',').exists(name, s.value.split(',').filter(other, other.trim() == name.trim()).size() > 1)", text("names a container twice; name each once")},
		}},
		{"hosts", valued(v1alpha1.FormHost), []answer{
			{"!s.value.matches(" + pattern(`^([A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|\[(?s:.+)\])(:0*[1-9][0-9]{0,4})?$`) + ")",
				text("is not host or host:port; write the registry's name alone, such as ghcr.io or registry.example.org:5000, with no scheme and no path")},
		}},
		{"booleans", valued(v1alpha1.FormBool), []answer{
			// What strconv.ParseBool takes.
			{`!(s.value in ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"])`, text("is neither true nor false; write one of the two")},
		}},
		{"counts", valued(v1alpha1.FormNumber), []answer{
			{"!s.value.matches(" + pattern("^[+]?0*[1-9][0-9]*$") + ")", text("is no number of artifacts; write a whole number above zero, such as 50")},
		}},
		{"durations", valued(v1alpha1.FormDuration), []answer{
			{"!s.value.matches(" + pattern("^[-+]?(0|("+number+"(ns|us|µs|μs|ms|s|m|h))+)$") + ")", text("is not a duration; write a number with a unit (s, m or h), such as 10m or 1h30m")},
			// What is less than a nanosecond below zero is zero.
			{"s.value.matches(" + pattern("^-([0-9.]+[a-zµμ]+)*0*[1-9]") + ")", text("is negative; write a duration of zero or more")},
			{"s.base != " + text(v1alpha1.KeyInputWait) + " && s.value.matches(" + pattern("^[^1-9]*$") + ")", text("is no time at all; write a duration above zero, such as 30m")},
		}},
		quantity("cpu", v1alpha1.KeySidecarCPU, "1m", "500m or 500m:2"),
		quantity("memory", v1alpha1.KeySidecarMemory, "32Mi", "512Mi or 512Mi:1Gi"),
	}
	return append(append(all, enumerations()...), append(references(), paths()...)...)
}

func quantity(name, key, least, example string) check {
	return check{name, []string{key}, []answer{
		{"!s.value.split(':', 2).all(q, isQuantity(q))", text("is not a quantity of Kubernetes, nor two with a colon between them; write " + example)},
		{"quantity(s.value.split(':')[0]).isLessThan(quantity(" + text(least) + "))", text("is less than " + least + ", which is too little to work with; write " + example)},
		{"s.value.contains(':') && quantity(s.value.split(':')[1]).isLessThan(quantity(s.value.split(':')[0]))", text("has a limit below the request; write " + example)},
	}}
}

// enumerations are the checks of keys whose values are a few words.
func enumerations() []check {
	var list []check
	for _, key := range v1alpha1.Keys() {
		if len(key.Words) > 0 {
			list = append(list, check{strings.ReplaceAll(key.Name, "-", "_"), []string{key.Name}, []answer{
				{"!(s.value in " + texts(key.Words) + ")", text("is not one of " + strings.Join(key.Words, ", ") + "; write one of them")},
			}})
		}
	}
	return list
}

// references are the checks of artifacts. One with a brace that is no placeholder of a name is only looked at for what the
// brace cannot change.
func references() []check {
	sample := "s.value.replace('{" + strings.Join(atStart(), "}', 'x').replace('{") + "}', 'x')"
	whole := "!" + sample + ".contains('{') && "
	repository := component + "(/" + component + ")*"
	tag, digest := "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", "(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})"
	common := func(sample string) []answer {
		return []answer{
			{"s.value.contains('://')", text("is a URL; write repository or repository:tag, and the host of a registry that is no OrasCache in the key registry")},
			{whole + sample + ".matches(" + pattern("^[^@:]*:[^@]*/") + ")", text("names the host of a registry; write repository or repository:tag here, and the host in the key registry")},
			{whole + sample + ".matches(" + pattern("^[^@:]{256}") + ")", text("has a repository of more than 255 characters")},
			{whole + "!" + sample + ".matches(" + pattern("^"+repository+"([@:]|$)") + ")", text("is no artifact: a repository has lower case letters and digits, with '.', '_', '-' or '/' between them, such as team/step-1")},
			{whole + "!" + sample + ".matches(" + pattern("^[^@:]*(:"+tag+")?(@|$)") + ")", text("has no valid tag: a tag has at most 128 letters, digits, '.', '_' and '-' and begins with neither '.' nor '-'")},
			{whole + "!" + sample + ".matches(" + pattern("^[^@]*(@"+digest+")?$") + ")", text("has no valid digest: a digest is sha256: and 64 digits, each 0 to 9 or a to f")},
		}
	}
	return []check{
		{"inputs", []string{v1alpha1.KeyInputURI}, append(append([]answer{
			{"s.value.size() > 2048", text("has too many characters; an artifact has at most 2048")},
			unfilled(true, early()),
		}, common(sample+".replace('*', 'x')")...), answer{
			"s.value.contains('**')", text("holds **, which is not supported: a * never goes across a /; write a * for each part of the repository"),
		})},
		{"outputs", []string{v1alpha1.KeyOutputURI}, append(append([]answer{
			{"s.value.contains('*')", text("holds a *, which only an input may; name each artifact, under a number of its own")},
			unfilled(false, atStart()),
		}, common(sample)...), answer{
			whole + "s.value.contains('@')", text("has a digest, which an output has only once it is pushed; write repository or repository:tag"),
		})},
	}
}

// unfilled finds braces that are neither placeholders of these names, nor doubled, nor, where they can be, ranges.
func unfilled(ranges bool, names []string) answer {
	inner, also := strings.Join(names, "|"), ""
	if ranges {
		inner, also = inner+`|[0-9]+\.\.-?[0-9]+`, " and ranges {a..b}"
	}
	return answer{
		"!s.value.matches(" + pattern(`^([^{]|\{\{|\{(`+inner+`)\})*$`) + ")",
		text(fmt.Sprintf("holds a brace that begins no placeholder; there are {%s}%s, and {{ for a literal brace", strings.Join(names, "}, {"), also)),
	}
}

// paths are the checks of paths. What only a path without .. and . tells is passed over where it has any.
func paths() []check {
	const plain = "!s.value.contains('/.') && "
	line := []answer{
		{"s.value.size() > 4095", text("is longer than a path can be, which is 4095 bytes")},
		{"s.value.matches(" + pattern(`\p{Cc}`) + ")", text("holds a line break or another control character; write the path on one line")},
		{"s.value.trim() != s.value", text("begins or ends with a space; remove it")},
	}
	own := answer{
		plain + "s.value.matches(" + pattern("^/+oras(/|$)") + ") && !s.value.matches(" + pattern("^/+oras/+out(/|$)") + ")",
		text("belongs to the operator; choose a path that is not below /oras, or one below /oras/out"),
	}
	return []check{
		{"input_paths", []string{v1alpha1.KeyInputPath}, append(append([]answer{unfilled(false, early())}, line...), []answer{
			{"s.value.matches(" + pattern(`^\.\.(/|$)`) + ")", text("leaves the working directory; write an absolute path")},
			{plain + "s.value.matches(" + pattern("^/+($|(etc|proc|sys|dev)(/|$))") + ")", text("belongs to the system, and an input there would hide what programs need; choose another directory, such as /data")},
			{plain + "s.value.matches(" + pattern("^/+oras(/|$)") + ")", text("belongs to the operator; choose a directory that is not below /oras")},
			{plain + "s.value.matches(" + pattern(`^/+[^/{]*\{[a-z]`) + ")", text("begins with a placeholder, and an input there could hide what programs need; begin with a directory, such as /data/{pod}")},
		}...)},
		{"output_paths", []string{v1alpha1.KeyOutputPath}, append(append([]answer{unfilled(false, atStart())}, line...), own,
			answer{"s.value.contains('**')", text("holds **, which is not supported; a * matches within one directory, and a matched directory is pushed with all that is in it")})},
		{"output_pipes", []string{v1alpha1.KeyOutputPipe}, append(append([]answer{unfilled(false, atStart())}, line...), own,
			answer{"s.value.endsWith('/') || s.value in ['.', '..', '/oras/out']", text("is a directory; name a file in it, such as log.txt")})},
	}
}

// early are the placeholders that are known before a container starts, and atStart those that are known then.
func early() []string {
	return []string{placeholder.Namespace, placeholder.Pod, placeholder.Job, placeholder.Index, placeholder.Container}
}

func atStart() []string { return append(early(), placeholder.Attempt) }

// valued lists the keys whose values have a form.
func valued(form v1alpha1.KeyForm) []string {
	return named(func(k v1alpha1.Key) bool { return k.Form == form })
}

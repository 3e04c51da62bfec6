package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// namespace is the one that the kustomizations install into.
const namespace = "oras-operator-system"

// object is one, or a part of one, as JSON has it.
type object = map[string]any

// at returns the part of o that is at a path of fields, nil where none is.
func at(o object, path ...string) object {
	for _, field := range path {
		o, _ = o[field].(object)
	}
	return o
}

// holes are the places of a manifest that Helm fills in. While the manifest is written each is a word, which needs no quotes;
// every expression gives JSON, which YAML takes as it is.
type holes []string

func (h *holes) put(expression string) string {
	*h = append(*h, expression)
	return fmt.Sprintf("HOLE%dEND", len(*h)-1)
}

func (h *holes) fill(text string) string {
	for i, expression := range *h {
		text = strings.Replace(text, fmt.Sprintf("HOLE%dEND", i), "{{ "+expression+" | toJson }}", 1)
	}
	return text
}

// cut puts holes into an object.
func (h *holes) cut(o object) error {
	chosen := labels(o)
	h.words(o)
	metadata := at(o, "metadata")
	metadata["labels"] = h.put(chosen)
	switch o["kind"] {
	case "CustomResourceDefinition":
		// Among the templates, it is upgraded with the chart, which Helm does not do with those in crds/. Kept, it does not
		// take all OrasCaches with it when the chart goes.
		at(metadata, "annotations")["helm.sh/resource-policy"] = "keep"
	case "Deployment":
		return h.manager(o)
	}
	return nil
}

// words returns v, in which every string that cannot stay as it is has become a hole.
func (h *holes) words(v any) any {
	switch v := v.(type) {
	case object:
		for _, field := range slices.Sorted(maps.Keys(v)) {
			v[field] = h.words(v[field])
		}
	case []any:
		for i, item := range v {
			v[i] = h.words(item)
		}
	case string:
		if strings.Contains(v, namespace) {
			return h.put(fmt.Sprintf("%q | replace %q .Release.Namespace", v, namespace))
		}
		if strings.Contains(v, "{{") {
			return h.put(strconv.Quote(v))
		}
	}
	return v
}

// labels are an object's own and the chart's, and those by which a Prometheus chooses what is for it.
func labels(o object) string {
	own := at(o, "metadata", "labels")
	var pairs strings.Builder
	for _, key := range slices.Sorted(maps.Keys(own)) {
		fmt.Fprintf(&pairs, " %q %q", key, own[key])
	}
	expression := fmt.Sprintf(`merge (dict%s) (include "oras-operator.labels" . | fromYaml)`, pairs.String())
	if version, _ := o["apiVersion"].(string); strings.HasPrefix(version, "monitoring.coreos.com/") {
		expression += " .Values.prometheus.labels"
	}
	return expression
}

// manager puts the values about the manager into its Deployment.
func (h *holes) manager(deployment object) error {
	pod := at(deployment, "spec", "template", "spec")
	containers, _ := pod["containers"].([]any)
	if len(containers) != 1 {
		return fmt.Errorf("it has %d containers, not one", len(containers))
	}
	container, _ := containers[0].(object)
	own, sidecar := `include "oras-operator.image" (list .Values.image .Chart)`, `include "oras-operator.image" (list .Values.sidecarImage .Chart)`
	at(deployment, "spec")["replicas"] = h.put(".Values.replicas")
	for _, field := range []string{"imagePullSecrets", "nodeSelector", "tolerations", "affinity"} {
		pod[field] = h.put(".Values." + field + " | default nil") // as if the field were not there
	}
	container["image"] = h.put(own)
	container["imagePullPolicy"] = h.put(".Values.image.pullPolicy")
	container["resources"] = h.put(".Values.resources")
	container["args"] = h.put(fmt.Sprintf("concat (list%s) .Values.extraArgs", quoted(container["args"])))
	variables, _ := container["env"].([]any)
	for _, v := range variables {
		switch variable, _ := v.(object); variable["name"] {
		case "OPERATOR_IMAGE":
			variable["value"] = h.put(own)
		case "SIDECAR_IMAGE":
			variable["value"] = h.put(sidecar)
		}
	}
	return nil
}

// quoted returns strings as arguments of a template's function.
func quoted(list any) string {
	items, _ := list.([]any)
	var all strings.Builder
	for _, item := range items {
		fmt.Fprintf(&all, " %q", item)
	}
	return all.String()
}

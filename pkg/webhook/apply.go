package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
)

// apply makes on raw the changes that lead from before to after, two values of the Go type that raw was decoded into.
// What that type does not know stays where it was; in a list, with the element it was in, which may have moved.
func apply(raw []byte, before, after any) ([]byte, error) {
	if reflect.DeepEqual(before, after) {
		return raw, nil
	}
	was, err := json.Marshal(before)
	if err != nil {
		return nil, fmt.Errorf("encoding the object as it was: %w", err)
	}
	is, err := json.Marshal(after)
	if err != nil {
		return nil, fmt.Errorf("encoding the injected object: %w", err)
	}
	if bytes.Equal(raw, was) { // as an API server of the type's own version encodes it: there is nothing else in it
		return is, nil
	}
	var trees [3]any
	for i, data := range [][]byte{raw, was, is} {
		if trees[i], err = generic(data); err != nil {
			return nil, fmt.Errorf("decoding the object: %w", err)
		}
	}
	return json.Marshal(overlay(trees[0], trees[1], trees[2]))
}

// generic is data as maps, lists and scalars, its numbers as they are written.
func generic(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	err := dec.Decode(&tree)
	return tree, err
}

// overlay changes raw as after differs from before.
func overlay(raw, before, after any) any {
	if reflect.DeepEqual(before, after) {
		return raw
	}
	switch after := after.(type) {
	case map[string]any:
		rawMap, isMap := raw.(map[string]any)
		beforeMap, wasMap := before.(map[string]any)
		if isMap && wasMap {
			return overlayMap(rawMap, beforeMap, after)
		}
	case []any:
		rawList, isList := raw.([]any)
		beforeList, wasList := before.([]any)
		if isList && wasList && len(rawList) == len(beforeList) {
			return overlayList(rawList, beforeList, after)
		}
	}
	return after
}

func overlayMap(raw, before, after map[string]any) map[string]any {
	out := maps.Clone(raw)
	for key := range before {
		if _, kept := after[key]; !kept {
			delete(out, key)
		}
	}
	for key, value := range after {
		if !reflect.DeepEqual(before[key], value) {
			out[key] = overlay(raw[key], before[key], value)
		}
	}
	return out
}

// overlayList takes each element of after from raw, where it was before: unchanged, or else under the same name.
func overlayList(raw, before, after []any) []any {
	taken := make([]bool, len(before))
	start := 0 // all before it are taken: long lists keep their order, and are gone through once
	find := func(same func(any) bool) int {
		for i := start; i < len(before); i++ {
			if !taken[i] && same(before[i]) {
				taken[i] = true
				for start < len(before) && taken[start] {
					start++
				}
				return i
			}
		}
		return -1
	}
	out := make([]any, 0, len(after))
	for _, element := range after {
		i := find(func(old any) bool { return reflect.DeepEqual(old, element) })
		if i < 0 {
			i = find(func(old any) bool { return name(old) != "" && name(old) == name(element) })
		}
		if i < 0 {
			out = append(out, element)
			continue
		}
		out = append(out, overlay(raw[i], before[i], element))
	}
	return out
}

// name is by what the lists of a pod tell their elements apart.
func name(element any) string {
	fields, _ := element.(map[string]any)
	text, _ := fields["name"].(string)
	return text
}

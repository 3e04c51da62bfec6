package registry

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// strict looks at a tree of JSON that is to go into a struct, and collects all that does not fit: [json.Decoder] ends at the
// first, and cannot read a [time.Duration] that is written as one.
type strict struct {
	wrong []error
}

// conform returns value, which is at key, as it can be unmarshalled into a t: durations are numbers then.
func (s *strict) conform(key string, value any, t reflect.Type) any {
	switch {
	case value == nil || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return value
	case t == reflect.TypeFor[time.Duration]():
		return s.duration(key, value)
	case t.Kind() == reflect.Pointer:
		return s.conform(key, value, t.Elem())
	case t.Kind() == reflect.Struct:
		return s.object(key, value, t)
	case t.Kind() == reflect.Slice:
		return s.list(key, value, t)
	default:
		s.scalar(key, value, t.Kind())
		return value
	}
}

func (s *strict) fail(key, format string, args ...any) {
	if key != "" {
		format = key + ": " + format
	}
	s.wrong = append(s.wrong, fmt.Errorf(format, args...))
}

func (s *strict) duration(key string, value any) any {
	text, _ := value.(string)
	d, err := time.ParseDuration(text)
	if err != nil {
		s.fail(key, "%v is no duration; write one such as 25s or 1h30m", value)
		return value
	}
	return json.Number(strconv.FormatInt(int64(d), 10))
}

func (s *strict) object(key string, value any, t reflect.Type) any {
	object, ok := value.(map[string]any)
	if !ok {
		s.fail(key, "%v is no mapping; write keys of %s", value, listed(slices.Sorted(maps.Keys(fields(t)))))
		return value
	}
	known := fields(t)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		path := strings.TrimPrefix(key+"."+name, ".")
		if field, ok := known[name]; ok {
			object[name] = s.conform(path, object[name], field)
		} else {
			s.fail(path, "there is no such key; write one of %s", listed(slices.Sorted(maps.Keys(known))))
		}
	}
	return object
}

func (s *strict) list(key string, value any, t reflect.Type) any {
	list, ok := value.([]any)
	if !ok {
		s.fail(key, "%v is no list; write one, with a dash before each item", value)
		return value
	}
	for i := range list {
		list[i] = s.conform(fmt.Sprintf("%s[%d]", key, i), list[i], t.Elem())
	}
	return list
}

func (s *strict) scalar(key string, value any, kind reflect.Kind) {
	switch kind {
	case reflect.String:
		if _, ok := value.(string); !ok {
			s.fail(key, "%v is no text; write it in quotes", value)
		}
	case reflect.Bool:
		if _, ok := value.(bool); !ok {
			s.fail(key, "%v is neither true nor false", value)
		}
	case reflect.Int:
		number, _ := value.(json.Number)
		if _, err := strconv.Atoi(number.String()); err != nil {
			s.fail(key, "%v is no whole number; write one such as 10", value)
		}
	}
}

// fields returns the fields of the struct t by the keys that they have in JSON.
func fields(t reflect.Type) map[string]reflect.Type {
	named := map[string]reflect.Type{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.IsExported() && name != "-" && name != "" {
			named[name] = field.Type
		}
	}
	return named
}

func listed(names []string) string { return strings.Join(names, ", ") }

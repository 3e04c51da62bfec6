package webhook

import (
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"gotest.tools/v3/assert"
)

func TestADifferenceMakesOneObjectTheOther(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after string
		paths         []string // what is touched
	}{
		"none":                     {`{"a":1,"metadata":{"b":[2]}}`, `{"metadata":{"b":[2]},"a":1}`, nil},
		"a field as a whole":       {`{"spec":{"a":1,"b":2},"status":{}}`, `{"spec":{"a":3},"status":{}}`, []string{"/spec"}},
		"a field that comes":       {`{}`, `{"spec":{}}`, []string{"/spec"}},
		"a field that goes":        {`{"kind":"Pod","spec":{}}`, `{"kind":"Pod"}`, []string{"/spec"}},
		"fields of the metadata":   {`{"metadata":{"name":"a","labels":{"a":"1"},"x":1}}`, `{"metadata":{"name":"a","labels":{"a":"2"},"annotations":{}}}`, []string{"/metadata/x", "/metadata/annotations", "/metadata/labels"}},
		"metadata that come":       {`{}`, `{"metadata":{"name":"a"}}`, []string{"/metadata"}},
		"metadata within the spec": {`{"spec":{"metadata":{"a":1,"b":2}}}`, `{"spec":{"metadata":{"a":1,"b":3}}}`, []string{"/spec"}},
		"a name to be escaped":     {`{"a/b~c":1}`, `{"a/b~c":2}`, []string{"/a~1b~0c"}},
		"a number beyond floats":   {`{"spec":1}`, `{"spec":12345678901234567890}`, []string{"/spec"}},
	} {
		t.Run(name, func(t *testing.T) {
			ops, err := difference([]byte(tc.before), []byte(tc.after))
			assert.NilError(t, err)
			var paths []string
			for _, op := range ops {
				paths = append(paths, op.Path)
			}
			assert.DeepEqual(t, paths, tc.paths)
			patch, err := jsonpatch.DecodePatch(encode(t, ops))
			assert.NilError(t, err)
			got, err := patch.Apply([]byte(tc.before))
			assert.NilError(t, err)
			assert.Assert(t, jsonpatch.Equal(got, []byte(tc.after)), "%s", got)
		})
	}
}

func TestWhatIsNoObjectHasNoDifference(t *testing.T) {
	for _, pair := range [][2]string{{`[]`, `{}`}, {`{}`, `nonsense`}, {`{"metadata":1}`, `{"metadata":{}}`}} {
		_, err := difference([]byte(pair[0]), []byte(pair[1]))
		assert.ErrorContains(t, err, "decoding the object as it ")
	}
}

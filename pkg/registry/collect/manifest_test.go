package collect

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"gotest.tools/v3/assert"
)

func TestWhatAManifestKeeps(t *testing.T) {
	a, b, c := digest.FromString("a"), digest.FromString("b"), digest.SHA512.FromString("c")
	tests := map[string]struct {
		manifest string
		want     content
	}{
		"nothing":                                {`{}`, content{}},
		"what it lists":                          {`{"config":{"digest":"A"},"layers":[{"digest":"B"},{"digest":"C"}]}`, content{lists: []digest.Digest{a, b, c}}},
		"what it lists in a field not yet known": {`{"new":[[{"digest":"A"}]]}`, content{lists: []digest.Digest{a}}},
		"both of two fields of one name":         {`{"layers":[{"digest":"A"}],"layers":[{"digest":"B"}]}`, content{lists: []digest.Digest{a, b}}},
		"a field in other letters":               {`{"Layers":[{"DIGEST":"A"}]}`, content{lists: []digest.Digest{a}}},
		"not its subject":                        {`{"subject":{"size":1,"digest":"A"},"layers":[{"digest":"B"}]}`, content{lists: []digest.Digest{b}, subject: a}},
		"not what is no digest":                  {`{"layers":[{"digest":"sha256:ab"},{"digest":5}],"digest":["A"],"size":"A"}`, content{}},
		"something called subject elsewhere":     {`{"layers":[{"subject":{"digest":"A"}}]}`, content{lists: []digest.Digest{a}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer(`"A"`, `"`+a.String()+`"`, `"B"`, `"`+b.String()+`"`, `"C"`, `"`+c.String()+`"`).Replace(tc.manifest)
			got, err := parse([]byte(text))
			assert.NilError(t, err)
			assert.DeepEqual(t, got.lists, tc.want.lists)
			assert.Equal(t, got.subject, tc.want.subject)
		})
	}
}

func TestWhatIsNoManifestIsAnError(t *testing.T) {
	for _, text := range []string{"", "{", `{"a":}`, `{"a"`, "[1,", "nonsense"} {
		_, err := parse([]byte(text))
		assert.Assert(t, err != nil, text)
	}
	_, err := parse([]byte(strings.Repeat("[", maxManifest)))
	assert.Assert(t, err != nil, "and deep ones do not end the process")
}

// FuzzParse checks that whatever the library would take out of a manifest is among what it keeps.
func FuzzParse(f *testing.F) {
	f.Add(string(manifest(digest.FromString("s"), "a", "b")))
	f.Add(string(index(digest.FromString("a"))))
	f.Add(`{"layers":[{"digest":"sha256:` + strings.Repeat("a", 64) + `"}],"layers":[{}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse([]byte(text))
		var m ocispec.Manifest
		var i ocispec.Index
		if json.Unmarshal([]byte(text), &m) != nil || json.Unmarshal([]byte(text), &i) != nil {
			return
		}
		assert.NilError(t, err)
		for _, d := range slices.Concat([]ocispec.Descriptor{m.Config}, m.Layers, i.Manifests) {
			if d.Digest.Validate() == nil {
				assert.Assert(t, slices.Contains(got.lists, d.Digest), "%s in %s", d.Digest, text)
			}
		}
	})
}

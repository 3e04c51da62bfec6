package controller

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
)

// keysOf adds the path of every key in v, such as collect.retention.ttl, to all.
func keysOf(all map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			name := key
			if path != "" {
				name = path + "." + key
			}
			all[name] = true
			keysOf(all, name, value)
		}
	case []any:
		for _, item := range v {
			keysOf(all, path, item)
		}
	}
}

// The example has a key that no OrasCache sets here only if the registry has a setting that no user gets.
func TestTheSettingsHaveJustTheKeysOfTheSpecification(t *testing.T) {
	readme, err := os.ReadFile("../registry/README.md")
	assert.NilError(t, err)
	example := regexp.MustCompile("(?s)## Settings\n.*?```yaml\n(.*?)```").FindSubmatch(readme)
	assert.Assert(t, example != nil)
	var specified any
	assert.NilError(t, yaml.UnmarshalStrict(example[1], &specified))
	want := map[string]bool{}
	keysOf(want, "", specified)
	assert.Assert(t, len(want) > 20)

	got := map[string]bool{}
	for _, cache := range examples(t) {
		file, err := settingsOf(cache).encode()
		assert.NilError(t, err)
		var written any
		assert.NilError(t, yaml.UnmarshalStrict([]byte(file), &written))
		keysOf(got, "", written)
	}
	assert.DeepEqual(t, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
}

func TestARegistryHasTimeToDrain(t *testing.T) {
	spec := podSpec(newCache(nil), "operator:v1")
	grace := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
	assert.Assert(t, grace > drainDelay+drainTimeout)
}

func TestCachesInOneBucketDoNotSeeEachOther(t *testing.T) {
	prefixes := map[string]bool{}
	for _, namespace := range []string{"flow", "other"} {
		for _, name := range []string{"oras", "second"} {
			cache := newCache(func(c *v1alpha1.OrasCache) {
				c.Namespace, c.Name = namespace, name
				c.Spec.Storage.S3 = &v1alpha1.S3Spec{Bucket: "artifacts"}
			})
			prefixes[settingsOf(cache).Storage.S3.Prefix] = true
		}
	}
	assert.Assert(t, cmp.Len(prefixes, 4))
}

func TestNoCollectionIsAskedForByAnEmptySchedule(t *testing.T) {
	cache := newCache(func(c *v1alpha1.OrasCache) { c.Spec.GC.Schedule = new("") })
	assert.Equal(t, settingsOf(cache).Collect.Schedule, "")
	assert.Equal(t, settingsOf(newCache(nil)).Collect.Schedule, v1alpha1.DefaultGCSchedule)
}

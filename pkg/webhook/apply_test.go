package webhook

import (
	"encoding/json"
	"testing"

	"gotest.tools/v3/assert"
	corev1 "k8s.io/api/core/v1"
)

func TestApplyKeepsWhatTheTypeDoesNotKnow(t *testing.T) {
	cases := map[string]struct {
		raw    string
		change func(*corev1.PodSpec)
		want   string
	}{
		"no change, not a byte": {
			raw:    `{"volumes":null, "x" : 1e3}`,
			change: func(*corev1.PodSpec) {},
			want:   `{"volumes":null, "x" : 1e3}`,
		},
		"a field of the object itself": {
			raw:    `{"new":12345678901234567890,"hostname":"a"}`,
			change: func(s *corev1.PodSpec) { s.Hostname = "b" },
			want:   `{"hostname":"b","new":12345678901234567890}`,
		},
		"a field of an element that moves": {
			raw: `{"initContainers":[{"name":"a","new":1},{"name":"b","new":2}]}`,
			change: func(s *corev1.PodSpec) {
				s.InitContainers = []corev1.Container{{Name: "first"}, s.InitContainers[1], s.InitContainers[0]}
			},
			want: `{"initContainers":[{"name":"first","resources":{}},{"name":"b","new":2},{"name":"a","new":1}]}`,
		},
		"a field of an element that changes": {
			raw: `{"containers":[{"name":"a","new":1,"args":["x"]},{"name":"b","new":2}]}`,
			change: func(s *corev1.PodSpec) {
				s.Containers[0].Command, s.Containers[0].Args = []string{"y"}, nil
			},
			want: `{"containers":[{"command":["y"],"name":"a","new":1},{"name":"b","new":2}]}`,
		},
		"a list whose elements share a name": {
			raw: `{"containers":[{"name":"a","env":[{"name":"X","value":"1","new":1},{"name":"X","value":"2","new":2}]}]}`,
			change: func(s *corev1.PodSpec) {
				c := &s.Containers[0]
				c.Env = append([]corev1.EnvVar{{Name: "Y", Value: "0"}}, c.Env...)
			},
			want: `{"containers":[{"env":[{"name":"Y","value":"0"},{"name":"X","new":1,"value":"1"},{"name":"X","new":2,"value":"2"}],"name":"a"}]}`,
		},
		"an element that goes": {
			raw:    `{"volumes":[{"name":"a","new":{"x":1}},{"name":"b","new":{"x":2}}]}`,
			change: func(s *corev1.PodSpec) { s.Volumes = s.Volumes[1:] },
			want:   `{"volumes":[{"name":"b","new":{"x":2}}]}`,
		},
		"values that are written in another way": {
			raw: `{"containers":[{"name":"a","resources":{"limits":{"cpu":"1000m","new":"1"}},"env":[]}],"volumes":[]}`,
			change: func(s *corev1.PodSpec) {
				s.Containers[0].Image = "x"
				s.Volumes = []corev1.Volume{{Name: "v"}}
			},
			want: `{"containers":[{"env":[],"image":"x","name":"a","resources":{"limits":{"cpu":"1000m","new":"1"}}}],"volumes":[{"name":"v"}]}`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var before corev1.PodSpec
			assert.NilError(t, json.Unmarshal([]byte(tc.raw), &before))
			after := *before.DeepCopy()
			tc.change(&after)
			got, err := apply([]byte(tc.raw), before, after)
			assert.NilError(t, err)
			assert.Equal(t, string(got), tc.want)
		})
	}
}

// An API server of our types' version encodes as we do, an older or newer one does not.
func TestApplyGivesTheSameHoweverTheObjectWasEncoded(t *testing.T) {
	before := corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Args: []string{"<&>"}}}, Hostname: "h"}
	after := corev1.PodSpec{Containers: []corev1.Container{{Name: "b", Env: []corev1.EnvVar{{Name: "X"}}}, {Name: "a"}}}
	ours := encode(t, before)
	for name, raw := range map[string][]byte{"as we do": ours, "with a space": append([]byte(" "), ours...)} {
		t.Run(name, func(t *testing.T) {
			out, err := apply(raw, before, after)
			assert.NilError(t, err)
			var got corev1.PodSpec
			assert.NilError(t, json.Unmarshal(out, &got))
			assert.DeepEqual(t, got, after)
		})
	}
}

package webhook

import (
	"context"
	"errors"
	"testing"

	"gotest.tools/v3/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/plan"
)

func TestEndpointOfAnOrasCache(t *testing.T) {
	cases := map[string]struct {
		spec     v1alpha1.OrasCacheSpec
		status   v1alpha1.OrasCacheStatus
		want     string
		warnings []string
		err      string
	}{
		"that serves": {
			status: v1alpha1.OrasCacheStatus{Endpoint: "oras.team.svc:5000", Conditions: ready()},
			want:   "oras.team.svc:5000",
		},
		"that has been given another Service since it was looked at": {
			spec:   v1alpha1.OrasCacheSpec{Service: v1alpha1.ServiceSpec{Name: "artifacts"}},
			status: v1alpha1.OrasCacheStatus{Endpoint: "oras.team.svc:5000", Conditions: ready()},
			want:   "artifacts.team.svc:5000",
		},
		"that nobody has looked at": {
			want:     "oras.team.svc:5000",
			warnings: []string{`OrasCache "oras" is not ready yet, and the step waits for it`},
		},
		"that waits for its volume": {
			status:   v1alpha1.OrasCacheStatus{Conditions: notReady(v1alpha1.ReasonStoragePending, "its claim is pending")},
			want:     "oras.team.svc:5000",
			warnings: []string{`OrasCache "oras" is not ready, and the step waits for it: its claim is pending`},
		},
		"whose registry goes on as it was": {
			status:   v1alpha1.OrasCacheStatus{Conditions: notReady(v1alpha1.ReasonUsersInvalid, "line 3 is wrong")},
			want:     "oras.team.svc:5000",
			warnings: []string{`OrasCache "oras" is not ready, and the step waits for it unless the registry serves all the same: line 3 is wrong`},
		},
		"that ran once": {
			spec:   v1alpha1.OrasCacheSpec{Deploy: new(false)},
			status: v1alpha1.OrasCacheStatus{Endpoint: "oras.team.svc:5000", Conditions: ready()},
			err:    `cannot be a step of a workflow: oras-cache: OrasCache "oras" runs no registry (spec.deploy is false); set it to true, or name a registry with the key registry`,
		},
		"that runs nothing": {
			spec:   v1alpha1.OrasCacheSpec{Deploy: new(false)},
			status: v1alpha1.OrasCacheStatus{Conditions: ready()},
			err:    `cannot be a step of a workflow: oras-cache: OrasCache "oras" runs no registry (spec.deploy is false); set it to true, or name a registry with the key registry`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cache := &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "oras"}, Spec: tc.spec, Status: tc.status}
			got, warnings, err := finder{cached: reader(t, cache), live: reader(t)}.find(t.Context(), "team", "oras")
			if tc.err != "" {
				assert.Error(t, err, tc.err)
				assert.ErrorIs(t, err, ErrRefused)
				return
			}
			assert.NilError(t, err)
			assert.DeepEqual(t, got, plan.Endpoint{Host: tc.want, PlainHTTP: true})
			assert.DeepEqual(t, warnings, tc.warnings)
		})
	}
}

func TestAnOrasCacheTellsWhatLetsStepsIn(t *testing.T) {
	cache := &v1alpha1.OrasCache{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "oras"},
		Spec:       v1alpha1.OrasCacheSpec{Auth: v1alpha1.AuthServiceAccount, TLS: v1alpha1.TLSSpec{Enabled: true}},
	}
	got, _, err := finder{cached: reader(t, cache), live: reader(t)}.find(t.Context(), "team", "oras")
	assert.NilError(t, err)
	assert.DeepEqual(t, got, plan.Endpoint{Host: "oras.team.svc:5000", Audience: "oras://team/oras", CAConfigMap: "oras-ca"})
}

func TestAnOrasCacheIsLookedForPastTheCache(t *testing.T) {
	cache := &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "oras"}}
	got, _, err := finder{cached: reader(t), live: reader(t, cache)}.find(t.Context(), "team", "oras")
	assert.NilError(t, err)
	assert.Equal(t, got.Host, "oras.team.svc:5000")
}

func TestAMissingOrasCacheIsARefusal(t *testing.T) {
	elsewhere := &v1alpha1.OrasCache{ObjectMeta: metav1.ObjectMeta{Namespace: "other", Name: "oras"}}
	_, _, err := finder{cached: reader(t, elsewhere), live: reader(t, elsewhere)}.find(t.Context(), "team", "oras")
	assert.ErrorIs(t, err, ErrRefused)
	assert.ErrorContains(t, err, `there is no OrasCache "oras" in namespace "team"; create it, or name one that exists`)
}

func TestALookUpThatFailsIsNoRefusal(t *testing.T) {
	_, _, err := finder{cached: broken{}, live: reader(t)}.find(t.Context(), "team", "oras")
	assert.ErrorIs(t, err, errBroken)
	assert.Assert(t, !errors.Is(err, ErrRefused))
}

var errBroken = errors.New("no connection")

type broken struct{ client.Reader }

func (broken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errBroken
}

func reader(t *testing.T, objects ...client.Object) client.Reader {
	t.Helper()
	scheme, err := v1alpha1.NewScheme()
	assert.NilError(t, err)
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

func ready() []metav1.Condition {
	return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonServing}}
}

func notReady(reason, message string) []metav1.Condition {
	return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: message}}
}

package main

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/inject"
)

// steps refuses a marked pod that is not whole as a step: inject.Damage in CEL, without what concerns service meshes and
// the order of the user's own init containers.
func steps() policy {
	const (
		meddled = "; another admission webhook has changed the pod after the operator did: let that one leave it alone, or come before the operator's"
		unseen  = `there is no init container "oras" that runs the sidecar, so the pod would compute on missing inputs, and nothing of it would be pushed; ` +
			"see that the MutatingWebhookConfiguration oras-operator is there, and that no other admission webhook removes what it adds"
	)
	damage := []answer{
		{"!variables.marked || variables.mirror || variables.bystander", "''"},
		{`!("oras" in variables.ours)`, text(unseen)},
		{`variables.sidecar.?restartPolicy.orValue("") != "Always"`, text(`init container "oras" has no restartPolicy Always, and would never let the pod start` + meddled)},
		{`!("oras-run" in variables.volumes)`, text(`there is no volume "oras-run"` + meddled)},
		{`!variables.unwrapped && !("oras-bin" in variables.volumes)`, text(`there is no volume "oras-bin"` + meddled)},
		{
			`"oras-gate" in variables.ours && variables.ours.indexOf("oras-gate") < variables.ours.indexOf("oras")`,
			text(`init container "oras-gate" waits for what cannot come before it has ended` + meddled),
		},
		{
			`!("oras-gate" in variables.ours) && variables.unwrapped && variables.sidecar.command.exists(arg, arg.startsWith("--input="))`,
			text(`there is no init container "oras-gate" that waits for the inputs` + meddled),
		},
		{
			`!variables.unwrapped && (!("oras-shim" in variables.ours) || variables.ours.indexOf("oras-shim") > variables.ours.indexOf("oras"))`,
			text(`there is no init container "oras-shim" before "oras" that installs the shim` + meddled),
		},
		{"variables.bare.size() > 0", `'container "' + variables.bare[0] + '" does not run under the shim' + ` + text(meddled)},
	}
	return policy{
		name: "steps." + domain,
		variables: []admissionv1.Variable{
			variable("keys", "[object.metadata.?labels.orValue({}), object.metadata.?annotations.orValue({})]"),
			variable("marked", "variables.keys.exists(m, m.exists(k, %s))", userKey()),
			variable("mirror", `"kubernetes.io/config.mirror" in variables.keys[1]`),
			// One of the roles of inject.Bystander, and none of the containers that the key names.
			variable("bystander", `%s.exists(role, role in variables.keys[0]) &&
variables.keys.exists(m, %[2]s in m &&
  !m[%[2]s].split(",").exists(name, object.spec.containers.exists(c, c.name == name.trim())))`,
				texts(inject.RoleLabels()),
				prefixed(v1alpha1.KeyContainer)),
			variable("volumes", "object.spec.?volumes.orValue([]).map(v, v.name)"),
			variable("injected", `object.spec.?initContainers.orValue([]).filter(c,
  [["oras", "/sidecar run "], ["oras-shim", "/shim install "], ["oras-gate", "/sidecar gate "]].exists(begins,
    c.name == begins[0] && (c.?command.orValue([]).join(" ") + " ").startsWith(begins[1])))`),
			variable("ours", "variables.injected.map(c, c.name)"),
			variable("sidecar", `variables.injected[variables.ours.indexOf("oras")]`),
			variable("unwrapped", `"--unwrapped" in variables.sidecar.command`),
			variable("served", `variables.sidecar.command.filter(arg, arg.startsWith("--container=")).map(arg, arg.substring(%d))`, len("--container=")),
			variable("bare", `variables.served.filter(name, !object.spec.containers.exists(c, c.name == name && (variables.unwrapped ||
  (c.?command.orValue([]) + c.?args.orValue([])).exists(word, word == %s) &&
  ["oras-bin", "oras-run"].all(volume, c.?volumeMounts.orValue([]).exists(m, m.name == volume)))))`, text(handoff.ShimPath)),
			{Name: "damage", Expression: choose(damage)},
		},
		allows:  `variables.damage == ""`,
		message: "the pod is marked as a step, and is none: see what admission webhooks have made of it",
		says:    `"this pod cannot be a step of a workflow: " + variables.damage`,
	}
}

// domain ends the names of the webhooks and of the policies.
const domain = "oras.converged-computing.github.io"

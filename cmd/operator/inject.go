package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/spf13/cobra"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/converged-computing/oras-operator/pkg/apis/v1alpha1"
	"github.com/converged-computing/oras-operator/pkg/imageconfig"
	"github.com/converged-computing/oras-operator/pkg/inject"
	"github.com/converged-computing/oras-operator/pkg/plan"
	"github.com/converged-computing/oras-operator/pkg/webhook"
)

// injectOptions are the flags of operator inject.
type injectOptions struct {
	file         string // path, or - for standard input
	sidecarImage string
	namespace    string // of objects that name none
	endpoint     string // host:port; empty: that of the OrasCache that the keys name
	auth         string // spec.auth of the OrasCache
	tls          bool   // spec.tls.enabled of the OrasCache
	lookUpImages bool
	explain      bool

	findCommand webhook.FindCommand // what images run; nil: they are not looked up
}

func newInjectCommand() *cobra.Command {
	var opts injectOptions
	cmd := &cobra.Command{
		Use:   "inject -f FILE",
		Short: "Print what the webhooks would make of a manifest",
		Long: `Print what the webhooks would make of the Pods and Jobs in a manifest, without a cluster. Other objects are
printed as they are: the pods of a CronJob or a Deployment are injected when they are made. Warnings go to standard
error. A container without a command needs --look-up-images, as what it runs is only known to its image.`,
		Example: `  operator inject -f job.yaml
  operator inject -f job.yaml --explain
  operator inject -f job.yaml --look-up-images
  operator inject -f job.yaml --auth=serviceaccount --tls
  kubectl kustomize workflow/ | operator inject -f - -n team | kubectl apply -n team -f -`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains([]string{v1alpha1.AuthNone, v1alpha1.AuthServiceAccount, v1alpha1.AuthHtpasswd}, opts.auth) {
				return fmt.Errorf("--auth=%s is none of %s, %s and %s", opts.auth, v1alpha1.AuthNone, v1alpha1.AuthServiceAccount, v1alpha1.AuthHtpasswd)
			}
			if opts.lookUpImages {
				opts.findCommand = findCommandOf(imageconfig.New(imageconfig.Options{Timeout: lookUpTimeout, AllowLoopback: true}))
			}
			return injectFile(cmd.Context(), opts, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&opts.file, "filename", "f", "", "manifest to read, - for standard input")
	flags.StringVar(&opts.sidecarImage, "sidecar-image", defaultSidecarImage, "`image` of the sidecar and the shim")
	flags.StringVarP(&opts.namespace, "namespace", "n", metav1.NamespaceDefault, "namespace of objects that name none")
	flags.StringVar(&opts.endpoint, "endpoint", "", "`host:port` of the OrasCache's registry (default NAME.NAMESPACE.svc:5000)")
	flags.StringVar(&opts.auth, "auth", v1alpha1.AuthNone, "spec.auth of the OrasCache: `none|serviceaccount|htpasswd`")
	flags.BoolVar(&opts.tls, "tls", false, "spec.tls.enabled of the OrasCache")
	flags.BoolVar(&opts.lookUpImages, "look-up-images", false,
		"ask the registries of images what they run, with the credentials of docker login")
	flags.BoolVar(&opts.explain, "explain", false, "say in comments what was decided about each object, and why")
	cmd.MarkFlagRequired("filename") //nolint:errcheck // the flag is defined above
	return cmd
}

// lookUpTimeout is how long a person may be kept waiting for a registry.
const lookUpTimeout = 30 * time.Second

// findCommandOf looks images up as whoever runs this would pull them, on all of their architectures.
func findCommandOf(lookup *imageconfig.Lookup) webhook.FindCommand {
	return func(ctx context.Context, _ string, _ corev1.PodSpec, image string) inject.ImageCommand {
		command, err := lookup.Command(ctx, image, nil, authn.DefaultKeychain)
		if err != nil {
			return inject.ImageCommand{Unknown: err.Error()}
		}
		return inject.ImageCommand{Entrypoint: command.Entrypoint, Cmd: command.Cmd}
	}
}

func injectFile(ctx context.Context, opts injectOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	if opts.file == "-" {
		return injectStream(ctx, opts, stdin, stdout, stderr)
	}
	file, err := os.Open(opts.file)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read from
	return injectStream(ctx, opts, file, stdout, stderr)
}

// injectStream goes through every document, so that all mistakes are told at once.
func injectStream(ctx context.Context, opts injectOptions, in io.Reader, stdout, stderr io.Writer) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(in))
	var whole bytes.Buffer // half a workflow must not reach kubectl apply
	var mistakes []error
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the manifest: %w", err)
		}
		out, err := injectDocument(ctx, opts, document, stderr)
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		if out = bytes.TrimSpace(out); len(out) > 0 {
			if whole.Len() > 0 {
				whole.WriteString("---\n")
			}
			whole.Write(append(out, '\n'))
		}
	}
	if len(mistakes) > 0 {
		return errors.Join(mistakes...)
	}
	_, err := whole.WriteTo(stdout)
	return err
}

// injectDocument returns what the webhooks make of one object, and tells their warnings. A document that they would not
// see, or not change, comes back as it was written, comments and all.
func injectDocument(ctx context.Context, opts injectOptions, document []byte, stderr io.Writer) ([]byte, error) {
	var object metav1.PartialObjectMetadata
	raw, err := yaml.YAMLToJSON(document)
	if err == nil {
		err = yaml.Unmarshal(document, &object)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if object.Kind == "List" {
		return nil, errors.New("a List is not looked into; write its items as documents of their own")
	}
	what := fmt.Sprintf("%s %q", object.Kind, object.Name+object.GenerateName)
	var choices []inject.Choice
	mutate := opts.mutatorOf(object.TypeMeta, func(choice inject.Choice) { choices = append(choices, choice) })
	if mutate == nil {
		return document, nil
	}
	mutated, warnings, err := mutate(ctx, raw, cmp.Or(object.Namespace, opts.namespace))
	for _, warning := range warnings {
		fmt.Fprintf(stderr, "Warning: %s: %s\n", what, warning) //nolint:errcheck // nobody is left to be told
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if bytes.Equal(mutated, raw) {
		return document, nil
	}
	manifest, err := yaml.JSONToYAML(mutated)
	if err != nil || !opts.explain {
		return manifest, err
	}
	return append(table(what, choices), manifest...), nil
}

// table writes decisions as comments, so that what follows can still be applied.
func table(what string, choices []inject.Choice) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s becomes a step:\n", what)
	columns := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, choice := range choices {
		fmt.Fprintf(columns, "#   %s\t%s\t(%s)\n", choice.About, choice.What, choice.Why) //nolint:errcheck // to memory
	}
	columns.Flush() //nolint:errcheck // to memory
	return out.Bytes()
}

// mutatorOf returns what the webhook of a kind does to an object in JSON; nil for a kind that no webhook sees.
func (o injectOptions) mutatorOf(kind metav1.TypeMeta, explain func(inject.Choice)) func(context.Context, []byte, string) ([]byte, []string, error) {
	m := webhook.Mutator{SidecarImage: o.sidecarImage, FindCache: o.findCache, FindCommand: o.findCommand, Explain: explain}
	switch kind.GroupVersionKind() {
	case corev1.SchemeGroupVersion.WithKind("Pod"):
		return m.Pod
	case batchv1.SchemeGroupVersion.WithKind("Job"):
		return m.Job
	}
	return nil
}

// findCache takes every OrasCache for one that is there and ready.
func (o injectOptions) findCache(_ context.Context, namespace, name string) (plan.Endpoint, []string, error) {
	endpoint := plan.OfCache(&v1alpha1.OrasCache{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.OrasCacheSpec{Auth: o.auth, TLS: v1alpha1.TLSSpec{Enabled: o.tls}},
	})
	endpoint.Host = cmp.Or(o.endpoint, endpoint.Host)
	return endpoint, nil, nil
}

package soak

import (
	"context"
	"fmt"
	"maps"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/converged-computing/oras-operator/test/harness"
)

// outcomes looks at everything that the workflow has left.
func (p *player) outcomes(ctx context.Context, excuses map[string]int) ([]Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, serviceBound)
	defer cancel()
	pods, err := p.pods(ctx)
	if err != nil {
		return nil, err
	}
	ledger, err := p.ledger(ctx)
	if err != nil {
		return nil, err
	}
	artifacts, err := p.artifacts(ctx)
	if err != nil {
		return nil, err
	}
	var all []Outcome
	for _, s := range p.workflow.Steps {
		o := Outcome{Step: s, State: p.states[s.Name], Ends: endsOf(pods[s.Name]), Ledger: map[string][]string{}, Excuses: excuses, Artifact: artifacts[s.Name]}
		for pod, lines := range ledger {
			if strings.HasPrefix(pod, s.Name+"-") {
				o.Ledger[pod] = lines
			}
		}
		all = append(all, o)
	}
	return all, nil
}

// pods returns those that are still there, by the names of their Jobs.
func (p *player) pods(ctx context.Context) (map[string][]corev1.Pod, error) {
	all := map[string][]corev1.Pod{}
	return all, harness.Retry(ctx, "the pods are listed", func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		err := p.List(ctx, &pods, client.InNamespace(p.namespace))
		for _, pod := range pods.Items {
			name := pod.Labels[batchv1.JobNameLabel]
			all[name] = append(all[name], pod)
		}
		return err == nil, err
	})
}

// ledger returns the lines of every pod's ledger, from all nodes.
func (p *player) ledger(ctx context.Context) (map[string][]string, error) {
	nodes, err := p.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	ledger := map[string][]string{}
	for _, node := range nodes {
		text, err := p.OnNode(ctx, node, "/app", "cat-all", "/proc/1/root"+ledgerDir(p.namespace))
		if err != nil {
			return nil, err
		}
		maps.Copy(ledger, parseLedger(text))
	}
	return ledger, nil
}

// parseLedger reads lines that begin with the name of their file.
func parseLedger(text string) map[string][]string {
	ledger := map[string][]string{}
	for line := range strings.Lines(text) {
		if pod, entry, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			ledger[pod] = append(ledger[pod], entry)
		}
	}
	return ledger
}

// artifacts looks at what the tag of each step names.
func (p *player) artifacts(ctx context.Context) (map[string]*Artifact, error) {
	all := map[string]*Artifact{}
	for _, s := range p.workflow.Steps {
		err := harness.Retry(ctx, "the artifact of "+s.Name+" is looked at", func(ctx context.Context) (bool, error) {
			var err error
			all[s.Name], err = p.artifact(ctx, s)
			return err == nil, err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (p *player) artifact(ctx context.Context, s Step) (*Artifact, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	address, open, err := p.Forward(ctx, p.namespace, cacheName+"-0", 5000)
	if err != nil {
		return nil, err
	}
	return look(open, address, s)
}

// describe says in a sentence what the step's artifact is; for logs.
func (a *Artifact) describe() string {
	switch {
	case a == nil:
		return "none"
	case a.Broken != nil || a.Differs != nil:
		return fmt.Sprintf("broken: %v, differs: %v", a.Broken, a.Differs)
	case a.Incomplete:
		return "incomplete"
	}
	return "whole"
}

package faults

import (
	"encoding/json"
	"io"
	"net/http"
)

// maxRules bounds the rules that are read from a request, in bytes.
const maxRules = 1 << 20

// Admin drives the proxy over HTTP: GET, PUT and DELETE /rules, DELETE /rules/{name}, GET and DELETE /log.
func (p *Proxy) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rules", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, p.Rules()) })
	mux.HandleFunc("PUT /rules", p.putRules)
	mux.HandleFunc("DELETE /rules", func(w http.ResponseWriter, _ *http.Request) {
		_ = p.SetRules() // no rule, none that is wrong
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("DELETE /rules/{name}", p.deleteRule)
	mux.HandleFunc("GET /log", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, p.Log()) })
	mux.HandleFunc("DELETE /log", func(w http.ResponseWriter, _ *http.Request) {
		p.ClearLog()
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func (p *Proxy) putRules(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRules))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	list, err := ParseRules(text)
	if err == nil {
		err = p.SetRules(list...)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (p *Proxy) deleteRule(w http.ResponseWriter, r *http.Request) {
	if name := r.PathValue("name"); !p.RemoveRule(name) {
		http.Error(w, "there is no rule "+name, http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // who asked has left
}

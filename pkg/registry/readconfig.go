package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"sigs.k8s.io/yaml"
)

// ReadConfig reads a YAML file with the keys of [Config] over [DefaultConfig]. Its error wraps [ErrConfig] and says all that
// is wrong with the file: each key that does not exist or has a value of another kind. Whether the values make sense is
// looked at by [New] and [Serve].
func ReadConfig(path string) (Config, error) {
	cfg := DefaultConfig()
	cfg.Storage.Root = ""
	cfg.file = path
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, inConfig("", fmt.Errorf("reading the file: %w", err))
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		// It is of several lines, which would pass for errors of their own.
		return Config{}, inConfig(path, errors.New(strings.Join(strings.Fields(err.Error()), " ")))
	}
	var tree any
	dec := json.NewDecoder(bytes.NewReader(asJSON))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return Config{}, inConfig(path, err)
	}
	if tree == nil {
		tree = map[string]any{}
	}
	var s strict
	tree = s.conform("", tree, reflect.TypeFor[Config]())
	if len(s.wrong) > 0 {
		return Config{}, inConfig(path, s.wrong...)
	}
	if err := decode(tree, &cfg); err != nil {
		return Config{}, inConfig(path, err)
	}
	if cfg.Storage.Root == "" && cfg.Storage.S3 == nil {
		cfg.Storage.Root = DefaultRoot
	}
	return cfg, nil
}

// decode puts tree into cfg, with which it conforms.
func decode(tree any, cfg *Config) error {
	text, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, cfg)
}

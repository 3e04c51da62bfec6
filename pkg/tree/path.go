package tree

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// Bounds of a valid path. They are those of Linux (PATH_MAX without its final NUL, NAME_MAX), so that whatever can be
// named in one system call relative to a root can be in a tree, and nothing else.
const (
	MaxPath = 4095 // bytes in a path
	MaxName = 255  // bytes in one of its components
)

// ErrInvalidPath is wrapped by every error of [ValidPath].
var ErrInvalidPath = errors.New("invalid path")

// Path is a slash-separated path relative to a root. It holds any bytes but NUL, so it need not be UTF-8.
//
// As JSON it is a plain string when it is valid UTF-8, and {"base64":"…"} otherwise. Decoding is the exact inverse.
// Do not use it as the key of a map that is encoded: encoding/json replaces invalid UTF-8 there.
type Path string

// encodedPath is the JSON form of a path that is not valid UTF-8.
type encodedPath struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON encodes p without loss.
func (p Path) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(p)) {
		return json.Marshal(string(p))
	}
	return json.Marshal(encodedPath{Base64: []byte(p)})
}

// UnmarshalJSON decodes both forms of a path. It does not validate it: see [ValidPath].
func (p *Path) UnmarshalJSON(data []byte) error {
	if inner, ok := verbatim(data); ok {
		*p = Path(inner)
		return nil
	}
	var plain string
	if err := json.Unmarshal(data, &plain); err == nil {
		*p = Path(plain)
		return nil
	}
	var encoded struct {
		Base64 *string `json:"base64"`
	}
	if err := json.Unmarshal(data, &encoded); err != nil {
		return fmt.Errorf("decoding path: %w", err)
	}
	if encoded.Base64 == nil {
		return fmt.Errorf("decoding path: %w: neither a string nor base64", ErrInvalidPath)
	}
	raw, err := base64.StdEncoding.DecodeString(*encoded.Base64)
	if err != nil {
		return fmt.Errorf("decoding path: %w", err)
	}
	*p = Path(raw)
	return nil
}

// verbatim returns what is between the quotes of a JSON string that stands for itself, as nearly all paths do.
func verbatim(data []byte) ([]byte, bool) {
	if len(data) < 2 || data[0] != '"' {
		return nil, false
	}
	inner := data[1 : len(data)-1]
	return inner, bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner)
}

// Dir returns the path of the directory that holds p, or "." for a path of one component.
func (p Path) Dir() Path { return Path(path.Dir(string(p))) }

// Base returns the last component of p.
func (p Path) Base() string { return path.Base(string(p)) }

// Join appends a component to p; the empty path and "." are the root.
func (p Path) Join(name string) Path {
	if p == "" || p == "." {
		return Path(name)
	}
	return p + "/" + Path(name)
}

// Beneath reports whether p is dir or lies in it. Everything is beneath ".".
func (p Path) Beneath(dir Path) bool {
	return dir == "." || p == dir || strings.HasPrefix(string(p), string(dir)+"/")
}

// Compare orders paths bytewise component by component, so that a directory comes right before what it holds.
// It is the order of [List].
func Compare(a, b Path) int {
	x, y := string(a), string(b)
	n := min(len(x), len(y))
	for i := range n {
		if x[i] == y[i] {
			continue
		}
		return cmp.Compare(rank(x[i]), rank(y[i]))
	}
	return cmp.Compare(len(x), len(y))
}

// rank puts the separator before every other byte.
func rank(b byte) int {
	if b == '/' {
		return -1
	}
	return int(b)
}

// ValidPath returns an error that wraps [ErrInvalidPath] and says what is wrong, unless p names something below a root:
// relative, no empty, "." or ".." component, no NUL, at most [MaxPath] bytes with components of at most [MaxName].
func ValidPath(p Path) error {
	switch {
	case p == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidPath)
	case len(p) > MaxPath:
		return fmt.Errorf("%w %.40q…: %d bytes are more than %d", ErrInvalidPath, string(p), len(p), MaxPath)
	case strings.IndexByte(string(p), 0) >= 0:
		return fmt.Errorf("%w %q: it holds a NUL", ErrInvalidPath, string(p))
	case p[0] == '/':
		return fmt.Errorf("%w %q: it is absolute", ErrInvalidPath, string(p))
	}
	for name := range strings.SplitSeq(string(p), "/") {
		if err := validName(name); err != nil {
			return fmt.Errorf("%w %q: %w", ErrInvalidPath, string(p), err)
		}
	}
	return nil
}

func validName(name string) error {
	switch {
	case name == "":
		return errors.New("a component is empty")
	case name == "." || name == "..":
		return fmt.Errorf("a component is %q", name)
	case len(name) > MaxName:
		return fmt.Errorf("a component of %d bytes is longer than %d", len(name), MaxName)
	}
	return nil
}

// Package htpasswd reads files of users with bcrypt passwords. The registry lets these users in; the operator checks such a file before
// it hands it to a registry, which does not start with one that it cannot read.
package htpasswd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	// MaxSize is the size in bytes of the largest file that is read: some ten thousand users.
	MaxSize = 1 << 20
	// maxCost is the highest cost of a bcrypt hash that is taken: with a higher one, checking a password takes a processor many seconds.
	maxCost = 15
)

// bcryptHash matches a hash as htpasswd and others write it, in any of its equivalent versions.
var bcryptHash = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// User is a line of a file.
type User struct {
	Name string // not empty, and on no other line
	Hash string // of the password, by bcrypt
	Cost int    // of the hash
}

// Parse reads lines USER:HASH. Empty lines and those that begin with # are left out. Errors name a line by its number and
// repeat nothing of it, since it may hold a password.
func Parse(text []byte) ([]User, error) {
	if len(text) > MaxSize {
		return nil, errors.New("it is larger than 1 MiB")
	}
	var users []User
	known := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		user, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if known[user.Name] {
			return nil, fmt.Errorf("line %d: the user is on a line before, too", number)
		}
		known[user.Name] = true
		users = append(users, user)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("splitting it into lines: %w", err)
	}
	return users, nil
}

func parseLine(line string) (User, error) {
	name, hash, ok := strings.Cut(line, ":")
	if !ok || name == "" {
		return User{}, errors.New("it is not USER:HASH")
	}
	if !bcryptHash.MatchString(hash) {
		return User{}, errors.New("the password is not hashed with bcrypt (htpasswd -B)")
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || cost > maxCost {
		return User{}, fmt.Errorf("the cost of the bcrypt hash is not between %d and %d", bcrypt.MinCost, maxCost)
	}
	return User{name, hash, cost}, nil
}

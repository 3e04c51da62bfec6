package access

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// maxCost is the highest cost of a bcrypt hash that is taken: one that is higher keeps a processor for more than some seconds.
const maxCost = 15

// bcryptHash matches a hash as htpasswd and others write it, whichever of the equivalent versions it says.
var bcryptHash = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

// passwords are the users of a file.
type passwords struct {
	byUser map[string]string // their bcrypt hashes
	decoy  string            // the slowest of them: asked for users that are not there, so that these are not told apart by time
}

// hash returns what to compare a password of that user with, and whether there is such a user.
func (p *passwords) hash(user string) (string, bool) {
	if hash, ok := p.byUser[user]; ok {
		return hash, true
	}
	return p.decoy, false
}

// parsePasswords reads lines USER:HASH. Empty lines and those that begin with # are left out. Errors name the line by its number
// and nothing in it, which may be a password.
func parsePasswords(text []byte) (*passwords, error) {
	found := &passwords{byUser: map[string]string{}}
	slowest := 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		user, hash, cost, err := parsePassword(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if _, twice := found.byUser[user]; twice {
			return nil, fmt.Errorf("line %d: the user is on a line before, too", number)
		}
		found.byUser[user] = hash
		if cost > slowest {
			slowest, found.decoy = cost, hash
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("splitting it into lines: %w", err)
	}
	return found, nil
}

func parsePassword(line string) (user, hash string, cost int, err error) {
	user, hash, ok := strings.Cut(line, ":")
	if !ok || user == "" {
		return "", "", 0, errors.New("it is not USER:HASH")
	}
	if !bcryptHash.MatchString(hash) {
		return "", "", 0, errors.New("the password is not hashed with bcrypt (htpasswd -B)")
	}
	cost, err = bcrypt.Cost([]byte(hash))
	if err != nil || cost > maxCost {
		return "", "", 0, fmt.Errorf("the cost of the bcrypt hash is not between %d and %d", bcrypt.MinCost, maxCost)
	}
	return user, hash, cost, nil
}

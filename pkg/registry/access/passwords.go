package access

import "github.com/converged-computing/oras-operator/pkg/htpasswd"

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

// parsePasswords reads a file.
func parsePasswords(text []byte) (*passwords, error) {
	users, err := htpasswd.Parse(text)
	if err != nil {
		return nil, err
	}
	found := &passwords{byUser: map[string]string{}}
	slowest := 0
	for _, user := range users {
		found.byUser[user.Name] = user.Hash
		if user.Cost > slowest {
			slowest, found.decoy = user.Cost, user.Hash
		}
	}
	return found, nil
}

package clients

// fileName is that of the file which is pushed.
const fileName = "result.txt"

// client is a command line for registries: its methods that are verbs return the arguments of a command. References are
// REGISTRY/REPOSITORY, with :TAG or @DIGEST.
type client interface {
	// reach tells the client how to reach a registry.
	reach(sh shell, registry string)
	// login has it keep the name and password of a user; the password comes from its input.
	login(sh shell, registry, user string) []string
	// push makes an artifact of one file, fileName, with that content.
	push(sh shell, ref, content string) []string
	pull(sh shell, ref string) []string
	// pulled returns the content of that file, after a pull that printed out.
	pulled(sh shell, out string) string
	// tags prints them one to a line, and catalog the repositories.
	tags(sh shell, repository string) []string
	catalog(sh shell, registry string) []string
	// digest prints what a tag names.
	digest(sh shell, ref string) []string
	copy(sh shell, from, to string) []string
	// remove deletes a manifest by its digest.
	remove(sh shell, ref string) []string
	// says is what it prints when the registry does not know who it is, with credentials given or not: the registry's sentence, or
	// words of its own.
	says(verb string, given bool, sentence string) string
}

func clients() map[string]client {
	return map[string]client{"oras": oras{}, "regctl": regctl{}, "crane": crane{}}
}

package layout

import "path"

// TagName is the file that holds the digest by which a tag's manifest was pushed, where that is another than the link's.
// It counts only while [Revision] of that digest is a link to what [TagCurrent] holds.
func TagName(name, tag string) string { return path.Join(Tag(name, tag), "current", "name") }

// ReferrersComplete is the file whose presence says that [Referrers] knows of every manifest of the repository that refers to another.
// It is missing where manifests were pushed before referrers were kept.
func ReferrersComplete(name string) string { return path.Join(Referrers(name), "complete") }

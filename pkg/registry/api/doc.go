// Package api completes the distribution library's handler to all of the OCI distribution specification: the referrers of a
// manifest, digests other than SHA-256, uploads in one request, mounts from anywhere, tags beside a digest. It serves blobs straight from
// their files.
//
// What it adds is kept in the storage as package layout says, and every answer is made from there: handlers in other processes see the same.
//
// # Other digests
//
// The blob store is addressed by SHA-256. A repository has a blob or manifest by another digest where its link with that name holds the SHA-256 one.
// A manifest has all its names until it is deleted by any of them. A blob's other name is there as long as its SHA-256 name is;
// deleting by the other name removes only that.
//
// # Deletion
//
// A manifest that is deleted loses its tags and names after it is gone. Each is looked at again right before it is removed, while nobody pushes
// to the repository through the same process: a tag that was moved meanwhile stays, and so does what was pushed with a manifest that is back.
// Who moves a tag at another replica has, at the worst, the time of one removal in which it goes all the same.
//
// # Referrers
//
// The link from a subject to what refers to it is written before the manifest and again after, should it be gone: whoever deletes the
// manifest meanwhile removes the manifest first, then the link, and writes it again should the manifest be back. So that a manifest that is there
// is listed, however the two interleave. Links to manifests that are gone are not listed, and are the garbage collection's.
// Manifests from before links were kept are looked for at the first request for any referrers of their repository.
package api

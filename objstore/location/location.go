// Package location turns what people write for a place (a folder, s3://bucket/prefix) into the store that is there.
//
// [Open] is the one way from a word of a flow file, an option or the command line to an objstore.Store. Folders it
// knows itself; each other scheme is [Register]ed by the leaf that speaks it, so that who imports a library for tables
// carries the kits only of the clouds that it names:
//
//	import _ "github.com/deltaic/deltaic/objstore/s3"
//
// [Join] and [Remote] are for what lies below a location. Opening sends nothing and creates nothing.
//
// What the package does not do: it keeps no store; two of one place are two.
package location

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/local"
	"github.com/deltaic/deltaic/supervision"
)

// ClassUnknown is of a scheme that nothing speaks, ClassInvalid of a location that is none.
const (
	ClassUnknown = "OBJECT_STORE_SCHEME_UNKNOWN"
	ClassInvalid = "INVALID_LOCATION"
)

// Place is a parsed location in an object store.
type Place struct {
	Scheme   string // in lower case
	Bucket   string // or container
	Account  string // abfss://container@account...: what is behind the "@"
	Prefix   string // of keys: "" or with "/" at its end
	Location string // as it was written
}

// Opener makes the store of a place. It sends nothing.
type Opener func(Place) (objstore.Store, error)

var (
	mu      sync.RWMutex
	openers = map[string]Opener{}
)

// Register gives a scheme to an opener. Leaves do so when they are imported.
func Register(scheme string, o Opener) {
	mu.Lock()
	defer mu.Unlock()
	openers[scheme] = o
}

// schemeOf returns the scheme of a location, "" of a path.
func schemeOf(location string) string {
	scheme, _, found := strings.Cut(location, "://")
	if !found || scheme == "" || strings.ContainsAny(scheme, `/\.`) {
		return ""
	}
	return strings.ToLower(scheme)
}

// Remote reports that the location is no folder of this machine.
func Remote(location string) bool {
	s := schemeOf(location)
	return s != "" && s != "file"
}

// Open returns the store of a location: a folder, a file: URI, or a URI of a scheme that was registered.
func Open(location string) (objstore.Store, error) {
	if !Remote(location) {
		path, err := Folder(location)
		if err != nil {
			return nil, err
		}
		return local.New(path, local.Options{})
	}
	place, err := Parse(location)
	if err != nil {
		return nil, err
	}
	mu.RLock()
	open := openers[place.Scheme]
	known := slices.Sorted(maps.Keys(openers))
	mu.RUnlock()
	if open == nil {
		return nil, &supervision.Failure{Kind: supervision.Fatal, Class: ClassUnknown, Path: place.URI(), Message: fmt.Sprintf("no object store is spoken to by %s://", place.Scheme),
			Hint: "name a folder, or one of: " + strings.Join(known, "://, ") + "://"}
	}
	return open(place)
}

// Folder returns the path of a location that is not Remote.
func Folder(location string) (string, error) {
	if schemeOf(location) == "" {
		if path, is := strings.CutPrefix(location, "file:/"); is {
			return "/" + path, nil // Hadoop's form
		}
		return location, nil
	}
	u, err := url.Parse(location)
	if err != nil || u.Host != "" && u.Host != "localhost" || u.Path == "" {
		return "", invalid(location, "a file: URI is file:///path")
	}
	return filepath.FromSlash(u.Path), nil
}

// Parse takes a location of an object store apart.
func Parse(location string) (Place, error) {
	p := Place{Scheme: schemeOf(location), Location: location}
	_, rest, _ := strings.Cut(location, "://")
	host, prefix, _ := strings.Cut(rest, "/")
	if strings.ContainsAny(host, ":") {
		return p, invalid(p.Scheme+"://...", "credentials do not belong in a location; give them by the environment or a profile")
	}
	if container, account, found := strings.Cut(host, "@"); found {
		host, p.Account = container, account
	}
	p.Bucket = host
	prefix = strings.TrimRight(prefix, "/")
	if prefix != "" {
		p.Prefix = prefix + "/"
	}
	if p.Scheme == "" || host == "" || strings.ContainsAny(host, "?#% ") {
		return p, invalid(location, "a location is SCHEME://BUCKET/PREFIX")
	}
	if err := objstore.CheckPrefix(p.Prefix); err != nil {
		f := invalid(location, "a prefix has no empty parts and none that begin with a dot")
		f.Cause = err
		return p, f
	}
	return p, nil
}

// URI names the place.
func (p Place) URI() string {
	host := p.Bucket
	if p.Account != "" {
		host += "@" + p.Account
	}
	return strings.TrimSuffix(p.Scheme+"://"+host+"/"+p.Prefix, "/")
}

func invalid(location, hint string) *supervision.Failure {
	return &supervision.Failure{Kind: supervision.Fatal, Class: ClassInvalid, Path: location, Message: "this is no location", Hint: hint}
}

// Join returns the location of what lies below another.
func Join(location string, names ...string) string {
	if !Remote(location) && schemeOf(location) == "" {
		return filepath.Join(append([]string{location}, names...)...)
	}
	return strings.TrimRight(location, "/") + "/" + strings.Join(names, "/")
}

// Here returns the folder of this machine for what belongs to a location and may be lost: the folder itself, or one of
// the user's cache for a location elsewhere. It creates nothing.
func Here(location string) string {
	if !Remote(location) {
		if path, err := Folder(location); err == nil {
			return path
		}
		return location
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	sum := sha256.Sum256([]byte(Clean(location)))
	return filepath.Join(cache, "deltaic", hex.EncodeToString(sum[:8]))
}

// Clean returns the form in which equal locations are equal texts.
func Clean(location string) string {
	if !Remote(location) {
		if path, err := Folder(location); err == nil {
			return filepath.Clean(path)
		}
		return location
	}
	return strings.TrimRight(location, "/")
}

package delta

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
)

// folder remembers of many files which they are and what was met of them, by two hashes of their names whose seeds nobody knows.
type folder struct {
	seeds   [2]maphash.Seed
	files   []knownFile
	settled int // so many were left when names were last brought together
}

// knownFile is a file that the log names.
type knownFile struct {
	hash  [2]uint64
	size  int64
	flags fileFlags
}

type fileFlags uint8

const (
	old     fileFlags = 1 << iota // of an earlier version, or a deletion vector's: it need not be there, or is looked for otherwise
	changed                       // a change file
	live                          // of the newest version
	twice                         // and more than once
	seen                          // it is there
	misfit                        // with another size
)

func newFolder() *folder {
	return &folder{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

func (f *folder) hash(name string) [2]uint64 {
	return [2]uint64{maphash.String(f.seeds[0], name), maphash.String(f.seeds[1], name)}
}

// add notes a file. One that is noted again keeps what was said of it before.
func (f *folder) add(name string, size int64, flags fileFlags) {
	f.files = append(f.files, knownFile{f.hash(name), size, flags})
	if len(f.files) > 2*f.settled+1<<16 {
		f.settle()
	}
}

// settle sorts the files and makes one of those of one name.
func (f *folder) settle() {
	slices.SortFunc(f.files, func(a, b knownFile) int { return slices.Compare(a.hash[:], b.hash[:]) })
	kept := f.files[:0]
	for _, k := range f.files {
		n := len(kept)
		if n == 0 || kept[n-1].hash != k.hash {
			kept = append(kept, k)
			continue
		}
		last := &kept[n-1]
		if last.flags&k.flags&live != 0 {
			last.flags |= twice
		}
		if k.flags&(live|changed) != 0 {
			last.size = k.size
		}
		last.flags |= k.flags
	}
	f.files, f.settled = kept, len(kept)
}

var noFile knownFile

// find returns what is known of a name; files must be settled.
func (f *folder) find(name string) *knownFile {
	i, there := slices.BinarySearchFunc(f.files, f.hash(name), func(k knownFile, h [2]uint64) int { return slices.Compare(k.hash[:], h[:]) })
	if !there {
		return &noFile
	}
	return &f.files[i]
}

// unseen counts the live files of which there is something to say, and the change files that were not met.
func (f *folder) unseen() (lost, changes int) {
	for i := range f.files {
		switch k := &f.files[i]; {
		case k.flags&live != 0 && (k.flags&seen == 0 || k.flags&(misfit|twice) != 0):
			lost++
		case k.flags&changed != 0 && k.flags&seen == 0:
			changes++
		}
	}
	return lost, changes
}

const orphanRepair = "a vacuum, or a clean-up of the log, removes it once it is older than the table's retention"

// walk lists the table's folder: it meets the files that are known, and names those that are not.
func (c *check) walk() error {
	var failed error
	err := c.t.Store().List(c.ctx, "", "", func(i objstore.Info) bool {
		k := c.folder.find(i.Name)
		switch {
		case k == &noFile:
			if vacuumed(i.Name) {
				failed = c.yield(c.orphan(i))
			}
		case k.flags&(live|changed) != 0 && i.Size != k.size:
			if k.flags |= seen | misfit; k.flags&live == 0 {
				failed = c.yield(Finding{Kind: ChangeFileMismatch, Path: i.Name, Version: -1,
					Message: "the change file has " + count(i.Size, "byte") + ", the log says " + strconv.FormatInt(k.size, 10)})
			}
		default:
			k.flags |= seen
		}
		return failed == nil
	})
	if failed != nil || err != nil {
		return cmpOr(failed, err)
	}
	err = objstore.Leftovers(c.ctx, c.t.Store(), "", func(i objstore.Info) bool {
		failed = c.yield(Finding{Kind: Temporary, Path: i.Name, Version: -1, Message: "a writer died over it, or is at work: " + count(i.Size, "byte"),
			Repair: "delete it when no writer is at work", Harmless: true})
		return failed == nil
	})
	return cmpOr(failed, err)
}

// orphan is what is said of a file that nothing names. Where the log cannot be read whole, it may be one that holds rows.
func (c *check) orphan(i objstore.Info) Finding {
	f := Finding{Kind: Orphan, Path: i.Name, Version: -1, Message: "no version that the log knows has the file, " + count(i.Size, "byte")}
	if c.unsure {
		f.Message += ": what cannot be read of the log may name it, so keep it until the log is whole"
		return f
	}
	f.Message += ": a writer died before its commit, or is at work"
	f.Repair, f.Harmless = orphanRepair, true
	return f
}

func cmpOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// vacuumed reports whether a file of that name would be the table's or its log's, to be collected: hidden ones are left alone.
func vacuumed(name string) bool {
	if strings.HasPrefix(name, log.SidecarDir) {
		return true
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(name, feedFolder), "/") {
		if part != "" && (part[0] == '_' || part[0] == '.') && !strings.Contains(part, "=") {
			return false
		}
	}
	return true
}

// count is a number with the word for what is counted.
func count(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.FormatInt(n, 10) + " " + what
}

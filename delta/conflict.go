package delta

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// blind reports whether the commit rests on no file of the table.
func (c *Commit) blind() bool {
	return c.Plan == nil && len(c.Removes) == 0 && !c.ReadsTable && c.ReadsWhere == "" && c.readsFile == nil
}

// removesRows reports whether rows of the table go, and not only from one file to another.
func (c *Commit) removesRows() bool {
	return c.Plan != nil || slices.ContainsFunc(c.Removes, func(r log.Remove) bool { return r.DataChange })
}

// appendOnly reports whether the table's rows may not be removed.
func appendOnly(m *log.Metadata) bool {
	return strings.EqualFold(m.Configuration["delta.appendOnly"], "true")
}

// isolation is how much of what others do at the same time a commit may pass over.
type isolation string

const (
	serializable      isolation = "Serializable"      // as if commits had come one after another, in the order of the versions
	writeSerializable isolation = "WriteSerializable" // in some order: blind appends may count as later
	snapshotIsolation isolation = "SnapshotIsolation" // for what changes no row: only files that are gone matter
)

// isolationOf returns the isolation of a commit to a table.
func isolationOf(c *Commit, m *log.Metadata) isolation {
	arranges := len(c.Adds)+len(c.Removes) > 0
	for i := range c.Adds {
		arranges = arranges && !c.Adds[i].DataChange
	}
	for i := range c.Removes {
		arranges = arranges && !c.Removes[i].DataChange
	}
	if arranges && c.Plan == nil {
		return snapshotIsolation
	}
	if strings.EqualFold(m.Configuration["delta.isolationLevel"], string(writeSerializable)) {
		return writeSerializable
	}
	return serializable
}

// winner is a commit that was faster, and the table before and after it.
type winner struct {
	before, after *Head
	actions       []*log.Action
}

// blind reports whether it says that it rested on no file.
func (w *winner) blind() bool {
	for _, a := range w.actions {
		if i := a.CommitInfo; i != nil {
			return i.IsBlindAppend != nil && *i.IsBlindAppend
		}
	}
	return false
}

// clash is why a commit cannot follow a winner.
type clash struct{ class, text string }

func clashOf(class, text string, args ...any) *clash {
	return &clash{class, fmt.Sprintf(text, args...)}
}

// judge holds a commit against one winner by Spark's rules. It is a function of what it is given; reads tells whether a file that
// the winner added may have rows that the commit rests on.
func judge(c *Commit, w *winner, level isolation, reads func(*log.Add) (bool, error)) (*clash, error) {
	mine := make(map[string]bool, len(c.Removes))
	for i := range c.Removes {
		mine[log.FileKey(c.Removes[i].Path, c.Removes[i].DeletionVector)] = true
	}
	passOver := c.blind() || c.Plan != nil || level == snapshotIsolation || level == writeSerializable && w.blind()
	for _, a := range w.actions {
		var found *clash
		switch {
		case a.Add != nil && a.Add.DataChange && !passOver:
			may, err := reads(a.Add)
			if err != nil {
				return nil, err
			}
			if may {
				found = clashOf(ClassConcurrentAppend, "another writer added the file %s at the same time, and %s rests on rows that it may have", a.Add.Path, c.Operation)
			}
		case a.Remove != nil && mine[log.FileKey(a.Remove.Path, a.Remove.DeletionVector)]:
			found = clashOf(ClassConcurrentDelete, "another writer removed the file %s at the same time, and so does %s", a.Remove.Path, c.Operation)
		case a.Remove != nil && c.ReadsTable:
			found = clashOf(ClassConcurrentDeleteRead, "another writer removed the file %s at the same time, and %s rests on all rows of the table", a.Remove.Path, c.Operation)
		case a.Protocol != nil:
			found = protocolClash(c, w)
		case a.Metadata != nil:
			found = metadataClash(c, w)
		case a.Domain != nil && c.Check == nil && a.Domain.Domain != rowTrackingDomain:
			found = domainClash(c, a.Domain)
		case a.Txn != nil && c.Check == nil:
			found = txnClash(c, a.Txn)
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, nil
}

// rowTrackingDomain is the domain that commits merge: each takes the next numbers of rows after the winner's.
const rowTrackingDomain = "delta.rowTracking"

func domainClash(c *Commit, d *log.Domain) *clash {
	for i := range c.Domains {
		if c.Domains[i].Domain == d.Domain {
			return clashOf(ClassConcurrentDomain, "another writer changed the domain %s at the same time", d.Domain)
		}
	}
	return nil
}

func txnClash(c *Commit, x *log.Txn) *clash {
	for i := range c.Txns {
		if c.Txns[i].AppID == x.AppID {
			return clashOf(ClassConcurrentTransaction, "application %s committed its version %d at the same time", x.AppID, x.Version)
		}
	}
	return nil
}

// protocolClash lets a commit go on under a protocol that only has more than the one before: whether we
// support it is looked at again before each attempt.
func protocolClash(c *Commit, w *winner) *clash {
	if c.Protocol != nil {
		return clashOf(ClassProtocolChanged, "another writer changed the table's protocol at the same time, and so does %s", c.Operation)
	}
	had := w.before.Protocol.WriterFeatures
	if w.before.Protocol.MinWriter < 7 {
		had = log.Legacy(w.before.Protocol.MinWriter)
	}
	for _, f := range had {
		if !w.after.Protocol.Supports(f) {
			return clashOf(ClassProtocolChanged, "another writer took the feature %s from the table's protocol at the same time", f)
		}
	}
	return nil
}

// metadataClash lets an append go on if its rows still fit the table and were held to the rules that it has now.
func metadataClash(c *Commit, w *winner) *clash {
	fail := func(text string, args ...any) *clash {
		return clashOf(ClassMetadataChanged, "another writer changed the table's metadata at the same time: "+text, args...)
	}
	m, old := &w.after.Metadata, &w.before.Metadata
	switch {
	case c.Metadata != nil:
		return fail("and so does this commit")
	case m.ID != old.ID:
		return fail("the table %s was replaced by the table %s", old.ID, m.ID)
	case !c.blind() && c.Plan == nil:
		return fail("and %s rests on rows of the table", c.Operation)
	case len(c.Adds) == 0:
		return nil
	case fmt.Sprint(m.PartitionColumns) != fmt.Sprint(old.PartitionColumns):
		return fail("partitioned by %q instead of %q", m.PartitionColumns, old.PartitionColumns)
	case !maps.Equal(ruleProperties(m), ruleProperties(old)):
		return fail("constraints of the rows, or how columns are found in files, are others")
	}
	for _, f := range w.before.Schema.Fields {
		at := w.after.Schema.Index(f.Name)
		if at < 0 || !sameRules(f, w.after.Schema.Fields[at]) {
			return fail("what the column %s demands of rows, or where it lies in files, is another", f.Name)
		}
	}
	written := c.Written
	if written == nil {
		written = c.Read.Schema
	}
	if err := compatible(written, w.after.Schema); err != nil {
		return fail("the rows no longer fit: %s", err)
	}
	return nil
}

// ruleProperties are the properties by which rows were checked and files written.
func ruleProperties(m *log.Metadata) map[string]string {
	out := map[string]string{}
	for k, v := range m.Configuration {
		if strings.HasPrefix(k, constraintPrefix) || k == "delta.columnMapping.mode" {
			out[k] = v
		}
	}
	return out
}

// sameRules reports whether two forms of a column demand the same of rows and lie at the same place in files.
func sameRules(a, b batch.Field) bool {
	if a.Metadata == b.Metadata {
		return true
	}
	x, e1 := metadataOf(a)
	y, e2 := metadataOf(b)
	if e1 != nil || e2 != nil {
		return false
	}
	for _, key := range []string{metaInvariant, metaGenerated, metaDefault, "delta.columnMapping.id", "delta.columnMapping.physicalName"} {
		if string(x[key]) != string(y[key]) {
			return false
		}
	}
	return true
}

// conflict checks one winner.
func (t *Table) conflict(c *Commit, w *winner) error {
	for _, a := range w.actions {
		if a.CommitInfo != nil && c.Seen != nil {
			if err := c.Seen(w.after.Version, a.CommitInfo); err != nil {
				return err
			}
		}
	}
	var condition *scan
	found, err := judge(c, w, isolationOf(c, &w.before.Metadata), func(a *log.Add) (bool, error) {
		switch {
		case c.ReadsTable:
			return true, nil
		case c.readsFile != nil:
			return c.readsFile(w.after, a)
		case c.ReadsWhere == "":
			return false, nil
		}
		if condition == nil {
			var err error
			if condition, err = t.scanOf(w.after, ScanOptions{Columns: []string{}, Where: c.ReadsWhere}); err != nil {
				return false, err
			}
		}
		return condition.may(a)
	})
	if err != nil || found == nil {
		return err
	}
	return t.failure(supervision.Restart, found.class, w.after.Version, "%s", found.text)
}

// may reports whether a file may have rows for which the condition is true, by its partition and statistics.
func (c *scan) may(a *log.Add) (bool, error) {
	if c.skip == nil {
		return true, nil
	}
	left, err := c.skip.files([]*log.Add{a})
	return len(left) > 0, err
}

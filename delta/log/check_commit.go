package log

import (
	"errors"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

// mostWrong bounds what is said of one commit.
const mostWrong = 100

// commitRules are what the actions of one commit must be to each other. Of files it remembers a hash each.
type commitRules struct {
	actions            int
	protocol, metadata int
	first              bool // commitInfo came before all else
	info               *CommitInfo
	adds, removes      *fileSet // by path and vector
	paths              *fileSet // of adds, by path alone
	apps, domains      map[string]bool
	wrong              []string
}

func newCommitRules() *commitRules {
	hashes := newFileSet()
	of := func() *fileSet { return &fileSet{seeds: hashes.seeds, keys: map[fileHash]struct{}{}} }
	return &commitRules{adds: of(), removes: of(), paths: of(), apps: map[string]bool{}, domains: map[string]bool{}}
}

func (r *commitRules) say(text string, args ...any) {
	if len(r.wrong) < mostWrong {
		r.wrong = append(r.wrong, fmt.Sprintf(text, args...))
	}
}

func (r *commitRules) look(a *Action) {
	r.actions++
	switch {
	case a.CommitInfo != nil:
		r.first = r.info == nil && r.actions == 1
		r.info = a.CommitInfo
	case a.Protocol != nil:
		if r.protocol++; r.protocol == 2 {
			r.say("it has more than one protocol")
		}
	case a.Metadata != nil:
		if r.metadata++; r.metadata == 2 {
			r.say("it has more than one metaData")
		}
	case a.Txn != nil:
		if r.apps[a.Txn.AppID] {
			r.say("it has more than one txn of application %q", a.Txn.AppID)
		}
		r.apps[a.Txn.AppID] = true
	case a.Domain != nil:
		if r.domains[a.Domain.Domain] {
			r.say("it has more than one domainMetadata of %q", a.Domain.Domain)
		}
		r.domains[a.Domain.Domain] = true
	case a.Add != nil:
		r.add(a)
	case a.Remove != nil:
		if !r.removes.add(a) {
			r.say("it removes file %s more than once", a.Remove.Path)
		}
		if r.adds.has(a) {
			r.say("it adds and removes file %s", a.Remove.Path)
		}
	}
}

func (r *commitRules) add(a *Action) {
	if !r.paths.add(&Action{Add: &Add{Path: a.Add.Path}}) {
		r.say("it adds file %s more than once", a.Add.Path)
	}
	r.adds.add(a)
	if r.removes.has(a) {
		r.say("it removes and adds file %s", a.Add.Path)
	}
	if a.Add.Size < 0 {
		r.say("file %s has a size of %d bytes", a.Add.Path, a.Add.Size)
	}
	if d := a.Add.DeletionVector; d != nil && (d.Cardinality < 0 || d.SizeInBytes < 0) {
		r.say("the deletion vector of file %s has %d rows in %d bytes", a.Add.Path, d.Cardinality, d.SizeInBytes)
	}
}

// describes checks protocol and metadata as they are after a commit. What stays wrong is said once.
func (c *logCheck) describes(path string, version int64) error {
	f := Finding{Path: path, Version: version}
	p, m := c.head.protocol, c.head.metadata
	switch {
	case p == nil:
		f.Kind, f.Message = ProtocolInvalid, "the log up to here holds no protocol"
	case m == nil:
		f.Kind, f.Message = MetadataInvalid, "the log up to here holds no metaData"
	default:
		f.Kind, f.Message = describesWrong(p, m)
	}
	if f.Message == c.said {
		return nil
	}
	if c.said = f.Message; f.Message == "" {
		return nil
	}
	return c.find(f)
}

// describesWrong says what is wrong with a protocol, or a metaData; "" if nothing is. Features that this program does not know are
// not wrong.
func describesWrong(p *Protocol, m *Metadata) (FindingKind, string) {
	if err := errors.Join(p.Valid(), listsFeatures(p)); err != nil {
		return ProtocolInvalid, strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	if CheckRead(p, m, batch.NewSchema()) != nil {
		return "", "" // what the rest means is not known
	}
	s, err := ParseSchema(m.SchemaString)
	if err != nil {
		return MetadataInvalid, reason(err)
	}
	for _, name := range m.PartitionColumns {
		if s.Index(name) < 0 {
			return MetadataInvalid, fmt.Sprintf("partition column %s is not in the schema (%s)", name, s)
		}
	}
	return "", ""
}

// listsFeatures checks that a protocol lists features where it must, and that writers know those of readers.
func listsFeatures(p *Protocol) error {
	if p.MinReader >= 3 {
		for _, f := range p.ReaderFeatures {
			if p.MinWriter >= 7 && !p.Supports(f) {
				return fmt.Errorf("reader feature %s is none of the writer features", f)
			}
		}
	}
	switch {
	case p.MinReader < 3 && len(p.ReaderFeatures) > 0:
		return fmt.Errorf("reader version %d has no list of features", p.MinReader)
	case p.MinWriter < 7 && len(p.WriterFeatures) > 0:
		return fmt.Errorf("writer version %d has no list of features", p.MinWriter)
	}
	return nil
}

// timestamp checks the in-commit timestamp of a commit, where the table has those.
func (c *logCheck) timestamp(o Object, r *commitRules) error {
	before := c.time
	c.time = nil
	if r.info != nil {
		c.time = r.info.InCommitTimestamp
	}
	if c.head.protocol == nil || c.head.metadata == nil {
		c.time = nil
		return nil
	}
	config := c.head.metadata.Configuration
	if !c.head.protocol.Supports("inCommitTimestamp") || !strings.EqualFold(config["delta.enableInCommitTimestamps"], "true") {
		c.time = nil
		return nil
	}
	text := ""
	switch {
	case c.time == nil:
		text = "the table has in-commit timestamps, and the commit has none"
	case !r.first:
		text = "commitInfo is not the first action of the commit, which in-commit timestamps need"
	case before != nil && *c.time <= *before:
		text = fmt.Sprintf("the in-commit timestamp %d is not later than that of the version before, %d", *c.time, *before)
	case config["delta.inCommitTimestampEnablementVersion"] == itoa(o.Version) && config["delta.inCommitTimestampEnablementTimestamp"] != itoa(*c.time):
		text = fmt.Sprintf("the in-commit timestamp %d is not the one from which the table says it has them, %s", *c.time, config["delta.inCommitTimestampEnablementTimestamp"])
	}
	if text == "" {
		return nil
	}
	return c.find(Finding{Kind: TimestampInvalid, Path: o.Name, Version: o.Version, Message: text})
}

package log

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Total is what the live files of a version come to.
type Total struct {
	Files, Bytes int64
}

// Checksum is what a .crc file says about its version.
type Checksum struct {
	TxnID             string // of the commit; "": it does not say
	Total             Total
	InCommitTimestamp *int64
	Txns              []Txn // nil: it does not say
	Domains           []Domain
	DomainsKnown      bool
	Metadata          *Metadata // nil: it does not say
	Protocol          *Protocol
}

// ChecksumName returns the object's name of a version's checksum.
func ChecksumName(version int64) string { return fmt.Sprintf("%s%020d.crc", Dir, version) }

// A checksum of more applications or domains leaves them out: it must stay small beside what it stands for.
const checksumNames = 1000

// Encode returns the text of the checksum.
func (c *Checksum) Encode() []byte {
	o := begin(nil)
	o.text("txnId", c.TxnID)
	o.int("tableSizeBytes", c.Total.Bytes)
	o.int("numFiles", c.Total.Files)
	o.int("numMetadata", 1)
	o.int("numProtocol", 1)
	o.intPointer("inCommitTimestampOpt", c.InCommitTimestamp)
	if c.Txns != nil {
		o.key("setTransactions")
		o.list(len(c.Txns), func(i int, b []byte) []byte { return c.Txns[i].append(b) })
	}
	if c.DomainsKnown {
		o.key("domainMetadata")
		o.list(len(c.Domains), func(i int, b []byte) []byte { return c.Domains[i].append(b) })
	}
	o.key("metadata")
	o.b = c.Metadata.append(o.b)
	o.key("protocol")
	o.b = c.Protocol.append(o.b)
	return append(o.end(), '\n')
}

// list writes an array of n elements.
func (o *object) list(n int, each func(i int, b []byte) []byte) {
	o.b = append(o.b, '[')
	for i := range n {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = each(i, o.b)
	}
	o.b = append(o.b, ']')
}

// DecodeChecksum reads the text of a checksum. What it does not know it passes over.
func DecodeChecksum(text []byte) (*Checksum, error) {
	c, s := &Checksum{}, &scanner{data: text, most: mostValues}
	metadatas, protocols, files, bytes := int64(-1), int64(-1), int64(-1), int64(-1)
	err := s.object(func(key []byte) error {
		switch string(key) {
		case "txnId":
			return s.strTo(&c.TxnID)
		case "tableSizeBytes":
			return s.intTo(&bytes)
		case "numFiles":
			return s.intTo(&files)
		case "numMetadata":
			return s.intTo(&metadatas)
		case "numProtocol":
			return s.intTo(&protocols)
		case "inCommitTimestampOpt":
			return s.intPointer(&c.InCommitTimestamp)
		case "setTransactions":
			return s.txns(&c.Txns)
		case "domainMetadata":
			return s.domains(c)
		case "metadata":
			if s.null() {
				return nil
			}
			c.Metadata = &Metadata{}
			return s.metadata(c.Metadata)
		case "protocol":
			if s.null() {
				return nil
			}
			c.Protocol = &Protocol{}
			return s.protocol(c.Protocol)
		}
		return s.skip()
	})
	if err == nil {
		err = s.end()
	}
	if err == nil && (metadatas != 1 || protocols != 1 || files < 0 || bytes < 0) {
		err = fmt.Errorf("it tells of %d metaData, %d protocols, %d files and %d bytes", metadatas, protocols, files, bytes)
	}
	c.Total = Total{files, bytes}
	return c, err
}

func (s *scanner) txns(to *[]Txn) error {
	if s.null() {
		return nil
	}
	*to = []Txn{}
	return s.array(func() error {
		var t Txn
		err := s.txn(&t)
		*to = append(*to, t)
		return err
	})
}

func (s *scanner) domains(c *Checksum) error {
	if s.null() {
		return nil
	}
	c.DomainsKnown = true
	return s.array(func() error {
		var d Domain
		err := s.domain(&d)
		c.Domains = append(c.Domains, d)
		return err
	})
}

// Checksum reads the checksum of a version.
func (l *Log) Checksum(ctx context.Context, version int64) (*Checksum, error) {
	text, err := l.Store.Get(ctx, ChecksumName(version), l.Limits.withDefaults().Line)
	if err != nil {
		return nil, err
	}
	c, err := DecodeChecksum(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ChecksumName(version), err)
	}
	return c, nil
}

// WriteChecksum writes the checksum of a version, of which the commit must be durable and the head must know the total of files. A
// checksum that is there is left alone, and is objstore.ErrExists.
func (l *Log) WriteChecksum(ctx context.Context, h *Head) error {
	if h.Total == nil {
		return errors.New("how many files the version has is not known")
	}
	c := &Checksum{Total: *h.Total, Metadata: &h.Metadata, Protocol: &h.Protocol}
	if err := l.Commit(ctx, h.Version, KindCommitInfo, func(a *Action) error {
		c.TxnID, c.InCommitTimestamp = a.CommitInfo.TxnID, a.CommitInfo.InCommitTimestamp
		return errEnough
	}); err != nil && !errors.Is(err, errEnough) {
		return err
	}
	if !h.Protocol.Supports("inCommitTimestamp") || h.Metadata.Configuration["delta.enableInCommitTimestamps"] != "true" {
		c.InCommitTimestamp = nil
	}
	if len(h.Txns) <= checksumNames {
		c.Txns = []Txn{}
		for _, k := range sortedKeys(h.Txns) {
			c.Txns = append(c.Txns, h.Txns[k])
		}
	}
	if len(h.Domains) <= checksumNames {
		c.DomainsKnown = true
		for _, k := range sortedKeys(h.Domains) {
			c.Domains = append(c.Domains, h.Domains[k])
		}
	}
	return l.Store.PutIfAbsent(ctx, ChecksumName(h.Version), c.Encode())
}

var errEnough = errors.New("enough was read")

// headByChecksum makes a head of the segment's checksum, instead of its checkpoint and the commits before it, and the
// commits after. It returns nil if there is none that can be trusted: one that cannot be read, does not say all that a head
// has, or is not of the commit that has its version now.
func (l *Log) headByChecksum(ctx context.Context, seg *Segment) (*Head, error) {
	if seg.Checksum < 0 {
		return nil, nil
	}
	c, err := l.Checksum(ctx, seg.Checksum)
	if err == nil {
		err = l.Confirm(ctx, seg.Checksum, c)
	}
	if err != nil {
		return nil, ctx.Err() // the log says the same
	}
	b := &headBuilder{protocol: c.Protocol, metadata: c.Metadata, txns: map[string]Txn{}, domains: map[string]Domain{}}
	for _, t := range c.Txns {
		b.txns[t.AppID] = t
	}
	for _, d := range c.Domains {
		if !d.Removed {
			b.domains[d.Domain] = d
		}
	}
	if seg.Checksum == seg.Version {
		b.total = &c.Total
	}
	return l.finishHead(ctx, seg, b, seg.Commits[len(seg.Commits)-int(seg.Version-seg.Checksum):])
}

// After returns the total after a commit, nil if it cannot be known: t is nil, or a file that is removed has no size.
func (t *Total) After(adds []Add, removes []Remove) *Total {
	if t == nil {
		return nil
	}
	next := *t
	for i := range removes {
		if removes[i].Size == nil {
			return nil
		}
		next.Files, next.Bytes = next.Files-1, next.Bytes-*removes[i].Size
	}
	for i := range adds {
		next.Files, next.Bytes = next.Files+1, next.Bytes+adds[i].Size
	}
	return &next
}

// Confirm compares a checksum with the commit of its version: it must be the same commit, by txnId, and agree with
// what that says. An error says what is wrong, or missing, for an appender to rely on it.
func (l *Log) Confirm(ctx context.Context, version int64, c *Checksum) error {
	switch {
	case c.Metadata == nil || c.Protocol == nil || c.Txns == nil || c.TxnID == "":
		return errors.New("it lacks the metadata, protocol, transactions or the id of its commit")
	case !c.DomainsKnown && c.Protocol.Supports("domainMetadata"):
		return errors.New("it lacks the domains")
	}
	found := false
	err := l.Commit(ctx, version, KindsHead|KindCommitInfo, func(a *Action) error {
		ok := true
		switch {
		case a.CommitInfo != nil:
			found = true
			ok = a.CommitInfo.TxnID == c.TxnID
		case a.Protocol != nil:
			ok = string(a.Protocol.append(nil)) == string(c.Protocol.append(nil))
		case a.Metadata != nil:
			ok = a.Metadata.Equal(c.Metadata)
		case a.Txn != nil:
			ok = slices.ContainsFunc(c.Txns, func(t Txn) bool { return t.AppID == a.Txn.AppID && t.Version == a.Txn.Version })
		case a.Domain != nil && !a.Domain.Removed:
			ok = slices.Contains(c.Domains, *a.Domain)
		}
		if !ok {
			return errors.New("it disagrees with the commit of its version")
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("the commit of its version does not say who it is")
	}
	return err
}

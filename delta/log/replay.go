package log

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// Head is what an appender needs of a version: everything but the files. It is
// immutable.
type Head struct {
	Version  int64
	Protocol Protocol
	Metadata Metadata
	Schema   *batch.Schema // of Metadata.SchemaString
	Txns     map[string]Txn
	Domains  map[string]Domain // removed ones are not there

	// Total is what the live files come to; nil: not known, since nobody has looked.
	Total *Total

	// Since counts commits and their bytes since the checkpoint that was read.
	Since      int64
	SinceBytes int64
}

// Head replays protocol, metadata, txn and domains of the segment.
func (l *Log) Head(ctx context.Context, seg *Segment) (*Head, error) {
	b := &headBuilder{txns: map[string]Txn{}, domains: map[string]Domain{}}
	if len(seg.Checkpoint) > 0 {
		if err := l.checkpoint(ctx, seg.Checkpoint, KindsHead, b.apply); err != nil {
			return nil, err
		}
		if b.protocol == nil || b.metadata == nil {
			o := seg.Checkpoint[0]
			return nil, &brokenError{o.Name, errNoHead}
		}
	}
	return l.finishHead(ctx, seg, b, seg.replay)
}

// finishHead applies the rest of the segment's commits.
func (l *Log) finishHead(ctx context.Context, seg *Segment, b *headBuilder, rest []Object) (*Head, error) {
	if err := l.decodeAhead(ctx, rest, KindsHead, func(_ Object, actions []*Action) error {
		for _, a := range actions {
			if err := b.apply(a); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	h, err := b.head(l, seg.Version)
	if err != nil {
		return nil, err
	}
	h.Since, h.SinceBytes = seg.Version-seg.CheckpointVersion(), seg.Bytes()
	return h, nil
}

// Advance returns the head after a further commit, whose actions of
// KindsHead are given with the commit's size in bytes.
func (l *Log) Advance(h *Head, actions []*Action, size int64) (*Head, error) {
	b := headBuilder{protocol: &h.Protocol, metadata: &h.Metadata, schema: h.Schema, txns: h.Txns, domains: h.Domains, shared: true}
	for _, a := range actions {
		if err := b.apply(a); err != nil {
			return nil, err
		}
	}
	next, err := b.head(l, h.Version+1)
	if err != nil {
		return nil, err
	}
	next.Since, next.SinceBytes = h.Since+1, h.SinceBytes+size
	return next, nil
}

type headBuilder struct {
	protocol *Protocol
	metadata *Metadata
	schema   *batch.Schema // of metadata, nil: not parsed yet
	txns     map[string]Txn
	domains  map[string]Domain
	total    *Total
	shared   bool // the maps belong to another head
}

func (b *headBuilder) apply(a *Action) error {
	if b.shared && (a.Txn != nil || a.Domain != nil) {
		b.txns, b.domains, b.shared = maps.Clone(b.txns), maps.Clone(b.domains), false
	}
	switch {
	case a.Protocol != nil:
		b.protocol = a.Protocol
	case a.Metadata != nil:
		if b.metadata == nil || b.metadata.SchemaString != a.Metadata.SchemaString {
			b.schema = nil
		}
		b.metadata = a.Metadata
	case a.Txn != nil:
		b.txns[a.Txn.AppID] = *a.Txn
	case a.Domain != nil && a.Domain.Removed:
		delete(b.domains, a.Domain.Domain)
	case a.Domain != nil:
		b.domains[a.Domain.Domain] = *a.Domain
	}
	return nil
}

func (b *headBuilder) head(l *Log, version int64) (*Head, error) {
	fail := func(text string, args ...any) error {
		f := l.failure(ClassBroken, text, args...)
		f.Version = &version
		return f
	}
	if b.protocol == nil {
		return nil, fail("the log up to version %d holds no protocol", version)
	}
	if b.metadata == nil {
		return nil, fail("the log up to version %d holds no metaData", version)
	}
	h := &Head{Version: version, Protocol: *b.protocol, Metadata: *b.metadata, Schema: b.schema, Txns: b.txns, Domains: b.domains, Total: b.total}
	// Features come first: an unknown one may be why the rest looks strange.
	if h.Schema == nil {
		empty := batch.NewSchema()
		if err := b.named(CheckRead(b.protocol, b.metadata, empty), l, version); err != nil {
			return nil, err
		}
		var err error
		if h.Schema, err = ParseSchema(b.metadata.SchemaString); err != nil {
			return nil, fail("the schema of version %d cannot be read: %s", version, err)
		}
	}
	if err := h.Protocol.Valid(); err != nil {
		return nil, fail("%s", err)
	}
	for _, c := range h.Metadata.PartitionColumns {
		if h.Schema.Index(c) < 0 {
			return nil, fail("partition column %s is not in the schema (%s)", c, h.Schema)
		}
	}
	return h, b.named(CheckRead(b.protocol, b.metadata, h.Schema), l, version)
}

// named puts table and version into a failure.
func (b *headBuilder) named(err error, l *Log, version int64) error {
	var f *supervision.Failure
	if errors.As(err, &f) && f.Path == "" {
		f.Path, f.Version = l.Store.URI(), &version
	}
	return err
}

// HeadAt loads the head of a version; -1 is the newest. A checksum that fits its commit is taken for what comes before it.
func (l *Log) HeadAt(ctx context.Context, version int64) (h *Head, err error) {
	err = l.Load(ctx, version, func(seg *Segment) error {
		if h, err = l.headByChecksum(ctx, seg); h == nil && err == nil {
			h, err = l.Head(ctx, seg)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open the table: %w", err)
	}
	return h, nil
}

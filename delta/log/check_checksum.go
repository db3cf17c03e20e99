package log

import (
	"fmt"
	"slices"
	"strings"
)

const checksumRepair = "delete it: readers then go by the log, and the next commit of this program writes one anew"

// checksum holds the checksum of a version against the state.
func (c *logCheck) checksum(v int64) error {
	f := Finding{Kind: ChecksumCorrupt, Path: ChecksumName(v), Version: v, Repair: checksumRepair, Message: "the checksum cannot be read: %s"}
	text, err := c.l.Store.Get(c.ctx, f.Path, c.l.Limits.withDefaults().Line)
	if err != nil {
		return c.broken(f, err)
	}
	sum, err := DecodeChecksum(text)
	if err != nil {
		return c.broken(f, err)
	}
	if !c.known || c.at != v || c.head.protocol == nil || c.head.metadata == nil {
		return nil
	}
	wrong := c.checksumWrong(sum)
	if v == c.newest && len(wrong) == 0 {
		more, err := c.checksumFiles(text)
		if err != nil {
			return c.broken(f, err)
		}
		wrong = more
	}
	if len(wrong) == 0 {
		return nil
	}
	f.Kind, f.Message = ChecksumMismatch, "it disagrees with the log: "+strings.Join(wrong, "; ")
	return c.find(f)
}

func (c *logCheck) checksumWrong(sum *Checksum) (wrong []string) {
	if total := (Total{int64(c.files.Len()), c.files.Bytes()}); sum.Total != total {
		wrong = append(wrong, fmt.Sprintf("%d files of %d bytes, the log has %d of %d", sum.Total.Files, sum.Total.Bytes, total.Files, total.Bytes))
	}
	if sum.Protocol != nil && !c.head.protocol.Equal(sum.Protocol) {
		wrong = append(wrong, "another protocol")
	}
	if sum.Metadata != nil && !sameMetadata(c.head.metadata, sum.Metadata) {
		wrong = append(wrong, "another metaData")
	}
	if sum.InCommitTimestamp != nil && c.time != nil && *sum.InCommitTimestamp != *c.time {
		wrong = append(wrong, fmt.Sprintf("in-commit timestamp %d, the commit says %d", *sum.InCommitTimestamp, *c.time))
	}
	if sum.Txns != nil {
		got := map[string]Txn{}
		for _, t := range sum.Txns {
			got[t.AppID] = t
		}
		expires := c.head.metadata.Configuration["delta.setTransactionRetentionDuration"] != ""
		wrong = append(wrong, txnsDiffer(c.head.txns, got, expires)...)
	}
	if sum.DomainsKnown {
		got := map[string]Domain{}
		for _, d := range sum.Domains {
			if !d.Removed {
				got[d.Domain] = d
			}
		}
		wrong = append(wrong, domainsDiffer(c.head.domains, got)...)
	}
	return wrong
}

// checksumFiles compares what the newest version's checksum says of single files: rows that deletion vectors have, sizes, and the files
// themselves.
func (c *logCheck) checksumFiles(text []byte) (wrong []string, err error) {
	var rows, vectors *int64
	var bounds, counts, bytes []int64
	var listed []*Action
	s, in := &scanner{data: text}, &interner{}
	if err := s.object(func(key []byte) error {
		switch string(key) {
		case "numDeletedRecordsOpt":
			return s.intPointer(&rows)
		case "numDeletionVectorsOpt":
			return s.intPointer(&vectors)
		case "fileSizeHistogram", "histogramOpt":
			return s.object(func(key []byte) error {
				switch string(key) {
				case "sortedBinBoundaries":
					return s.ints(&bounds)
				case "fileCounts":
					return s.ints(&counts)
				case "totalBytes":
					return s.ints(&bytes)
				}
				return s.skip()
			})
		case "allFiles":
			return s.array(func() error {
				a := &Action{Add: &Add{}}
				listed = append(listed, a)
				return s.add(a.Add, in)
			})
		}
		return s.skip()
	}); err != nil {
		return nil, err
	}
	var hasRows, hasVectors int64
	hasCounts, hasBytes := make([]int64, len(bounds)), make([]int64, len(bounds))
	c.files.Each(func(a *Add) bool {
		if a.DeletionVector != nil {
			hasVectors, hasRows = hasVectors+1, hasRows+a.DeletionVector.Cardinality
		}
		i, exact := slices.BinarySearch(bounds, a.Size)
		if !exact {
			i--
		}
		if i >= 0 && i < len(bounds) {
			hasCounts[i], hasBytes[i] = hasCounts[i]+1, hasBytes[i]+a.Size
		}
		return true
	})
	if rows != nil && *rows != hasRows || vectors != nil && *vectors != hasVectors {
		wrong = append(wrong, fmt.Sprintf("another number of deletion vectors than %d, or of rows in them than %d", hasVectors, hasRows))
	}
	if len(bounds) > 0 && (counts != nil && !slices.Equal(counts, hasCounts) || bytes != nil && !slices.Equal(bytes, hasBytes)) {
		wrong = append(wrong, "another histogram of the sizes of files")
	}
	if listed != nil {
		m := newComparison(c.files)
		for _, a := range listed {
			m.add(a)
		}
		wrong = append(wrong, m.verdict()...)
	}
	return wrong, nil
}

// ints reads an array of numbers.
func (s *scanner) ints(to *[]int64) error {
	return s.array(func() error {
		n, _, err := s.int()
		*to = append(*to, n)
		return err
	})
}

package delta

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// Properties of tables that number their rows.
const (
	rowTrackingEnabled   = "delta.enableRowTracking"
	rowTrackingSuspended = "delta.rowTrackingSuspended"
	rowIDColumn          = "delta.rowTracking.materializedRowIdColumnName"
	rowVersionColumn     = "delta.rowTracking.materializedRowCommitVersionColumnName"
)

// numbersKept is the tag by which a commit says whether the rows that it moves have kept their numbers.
const numbersKept = "delta.rowTracking.preserved"

// numbersRows reports whether every file that is added is to say from where on its rows are numbered.
func numbersRows(p *log.Protocol, m *log.Metadata) bool {
	return p.Supports("rowTracking") && !strings.EqualFold(m.Configuration[rowTrackingSuspended], "true")
}

// tracksRows reports whether rows keep their numbers when they move to other files.
func tracksRows(head *Head) bool {
	return head.Protocol.Supports("rowTracking") && strings.EqualFold(head.Metadata.Configuration[rowTrackingEnabled], "true")
}

// highWater is what the domain of row tracking holds.
type highWater struct {
	Mark int64 `json:"rowIdHighWaterMark"`
}

// number gives the rows of the files added after head their numbers, and the domain which the next commit goes on from. A file that has
// numbers keeps them: it comes again. A lost race begins anew, behind the winner's.
func (t *Table) number(c *log.Commit, head *Head) error {
	p, m := &head.Protocol, &head.Metadata
	if c.Protocol != nil {
		p = c.Protocol
	}
	if c.Metadata != nil {
		m = c.Metadata
	}
	if !numbersRows(p, m) {
		return nil
	}
	mark := highWater{-1}
	if d, ok := head.Domains[rowTrackingDomain]; ok {
		if err := json.Unmarshal([]byte(d.Configuration), &mark); err != nil {
			return t.failure(supervision.Fatal, log.ClassBroken, head.Version, "the domain %s holds %s: %w", rowTrackingDomain, brief(d.Configuration), err)
		}
	}
	before, version := mark.Mark, head.Version+1
	c.Adds = slices.Clone(c.Adds)
	for i := range c.Adds {
		a := &c.Adds[i]
		if a.BaseRowID == nil {
			rows, ok := log.NumRecords(a.Stats)
			if !ok {
				return t.failure(supervision.Fatal, log.ClassWrite, head.Version, "the statistics of file %s do not say how many rows it has, which a table with row tracking must know", a.Path)
			}
			first := mark.Mark + 1
			a.BaseRowID = &first
			mark.Mark += rows
		}
		if a.DefaultRowCommitVersion == nil {
			a.DefaultRowCommitVersion = &version
		}
	}
	if mark.Mark > before {
		c.Domains = append(c.Domains[:len(c.Domains):len(c.Domains)],
			log.Domain{Domain: rowTrackingDomain, Configuration: `{"rowIdHighWaterMark":` + strconv.FormatInt(mark.Mark, 10) + `}`})
	}
	return nil
}

// nameRowColumns gives a new table the names of the columns in which rows that move keep their numbers.
func (t *Table) nameRowColumns(config map[string]string) error {
	if !strings.EqualFold(config[rowTrackingEnabled], "true") {
		return nil
	}
	for key, prefix := range map[string]string{rowIDColumn: "_row-id-col-", rowVersionColumn: "_row-commit-version-col-"} {
		id, err := t.newID()
		if err != nil {
			return err
		}
		config[key] = prefix + id
	}
	return nil
}

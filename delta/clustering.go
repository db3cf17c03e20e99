package delta

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// clusteringDomain says by which columns the table's rows are to lie together, as paths of names in files.
const clusteringDomain = "delta.clustering"

// clusterColumns are those columns. Rows may be written in any order, to be brought together later by whoever optimizes the
// table; but the files must have statistics of them.
type clusterColumns [][]string

func (t *Table) clusterColumns(head *Head) (clusterColumns, error) {
	d, there := head.Domains[clusteringDomain]
	if !there || !head.Protocol.Supports("clustering") {
		return nil, nil
	}
	var said struct {
		Columns clusterColumns `json:"clusteringColumns"`
	}
	if err := json.Unmarshal([]byte(d.Configuration), &said); err != nil {
		return nil, t.failure(supervision.Fatal, log.ClassBroken, head.Version, "the domain %s holds %s: %w", clusteringDomain, brief(d.Configuration), err)
	}
	return said.Columns, nil
}

// has reports whether a path is one of the columns, or within one.
func (c clusterColumns) has(path []string) bool {
	return slices.ContainsFunc(c, func(of []string) bool { return len(of) <= len(path) && slices.Equal(of, path[:len(of)]) })
}

// staysClustered refuses a new schema that lacks one of the columns, or partitions a clustered table.
func (t *Table) staysClustered(next *Head) error {
	columns, err := t.clusterColumns(next)
	if err != nil || len(columns) == 0 {
		return err
	}
	m, err := mappingOf(&next.Metadata)
	if err != nil {
		return err
	}
	for _, path := range columns {
		if !hasPath(next.Schema.Fields, m, path) {
			f := t.failure(supervision.Fatal, "DELTA_UNSUPPORTED_DROP_CLUSTERING_COLUMN", next.Version, "the table is clustered by %s, which the new schema does not have", strings.Join(path, "."))
			f.Hint = "keep the column, or change the clustering with the engine that set it (ALTER TABLE ... CLUSTER BY)"
			return f
		}
	}
	if len(next.Metadata.PartitionColumns) > 0 {
		f := t.failure(supervision.Fatal, "DELTA_CLUSTER_BY_WITH_PARTITIONED_BY", next.Version, "the table is clustered; it cannot have partition columns too")
		f.Hint = "leave the partition columns out, or end the clustering with the engine that set it (ALTER TABLE ... CLUSTER BY NONE)"
		return f
	}
	return nil
}

func hasPath(fields []batch.Field, m mapping, path []string) bool {
	for _, f := range fields {
		if m.physical(f) == path[0] {
			return len(path) == 1 || hasPath(f.Type.Fields, m, path[1:])
		}
	}
	return false
}

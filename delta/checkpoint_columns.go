package delta

import (
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
)

// checkpointColumns says how the statistics of files are to be in a checkpoint: as the text that commits have, unless
// delta.checkpoint.writeStatsAsJson is false, and as columns if delta.checkpoint.writeStatsAsStruct is true.
func checkpointColumns(h *Head) (log.StatsColumns, error) {
	config := h.Metadata.Configuration
	out := log.StatsColumns{NoText: strings.EqualFold(config["delta.checkpoint.writeStatsAsJson"], "false"), Append: appendPartition}
	if !strings.EqualFold(config["delta.checkpoint.writeStatsAsStruct"], "true") {
		return out, nil
	}
	m, err := mappingOf(&h.Metadata)
	if err != nil {
		return out, err
	}
	left := 32
	if n, err := strconv.Atoi(config["delta.dataSkippingNumIndexedCols"]); err == nil {
		left = n
	}
	if config["delta.dataSkippingStatsColumns"] != "" {
		left = -1 // whichever they are
	}
	values, counts := &statNode{}, &statNode{}
	var data []batch.Field
	for _, f := range h.Schema.Fields {
		if slices.Contains(h.Metadata.PartitionColumns, f.Name) {
			out.Partition = append(out.Partition, batch.Field{Name: m.physical(f), Type: f.Type, Nullable: true})
		} else {
			data = append(data, f)
		}
	}
	statLeaves(m, data, nil, &left, values, counts)
	out.Parsed = batch.StructType(batch.Field{Name: "numRecords", Type: batch.BigIntType, Nullable: true})
	for _, part := range []struct {
		name string
		node *statNode
	}{{"minValues", values}, {"maxValues", values}, {"nullCount", counts}} {
		if len(part.node.kids) > 0 {
			out.Parsed.Fields = append(out.Parsed.Fields, batch.Field{Name: part.name, Type: part.node.typ(), Nullable: true})
		}
	}
	out.Parsed.Fields = append(out.Parsed.Fields, batch.Field{Name: "tightBounds", Type: batch.BooleanType, Nullable: true})
	return out, nil
}

// statLeaves adds the columns that have statistics, as many as are left.
func statLeaves(m mapping, fields []batch.Field, path []string, left *int, values, counts *statNode) {
	for _, f := range fields {
		at := append(path[:len(path):len(path)], m.physical(f))
		if f.Type.Kind == batch.Struct {
			statLeaves(m, f.Type.Fields, at, left, values, counts)
			continue
		}
		if *left == 0 {
			return
		}
		*left--
		counts.add(at, batch.BigIntType)
		if hasStats(f.Type.Kind) && f.Type.Kind != batch.Boolean {
			values.add(at, f.Type)
		}
	}
}

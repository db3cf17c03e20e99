package oracle

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// loadCheckpoint fills an empty table from the classic checkpoint of a version.
func (t *Table) loadCheckpoint(version int64) error {
	path := filepath.Join(t.Path, "_delta_log", fmt.Sprintf("%020d.checkpoint.parquet", version))
	return readParquet(path, func(_ int64, row map[string]any) error {
		for _, name := range []string{"checkpointMetadata", "sidecar"} {
			if row[name] != nil {
				return fmt.Errorf("%s: V2 checkpoints are not read here", path)
			}
		}
		text, err := json.Marshal(plainMaps(row))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		var a action
		if err := json.Unmarshal(text, &a); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		// Every other column of the row is null, which JSON keeps as "null".
		if string(a.CommitInfo) == "null" {
			a.CommitInfo = nil
		}
		if a.Remove != nil {
			return nil // a tombstone is not live
		}
		var c Commit
		c.add(a)
		t.apply(c)
		return nil
	})
}

// plainMaps turns Parquet maps with text keys into JSON objects and leaves out nulls.
func plainMaps(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			if e != nil {
				out[k] = plainMaps(e)
			}
		}
		return out
	case Pairs:
		out := make(map[string]any, len(v))
		for _, pair := range v {
			out[fmt.Sprint(pair.Key)] = plainMaps(pair.Value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plainMaps(e)
		}
		return out
	}
	return value
}

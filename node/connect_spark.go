package node

import (
	"context"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/delta"
)

// sparkLooks is how many of a table's newest versions are looked at for another engine.
const sparkLooks = 20

// besideSpark warns of a table on S3 that Spark has written of late: its log store there puts without a condition, so a
// commit of ours may be overwritten.
func besideSpark(ctx context.Context, step, path string, table *delta.Table) (string, error) {
	if !strings.HasPrefix(path, "s3://") && !strings.HasPrefix(path, "s3a://") {
		return "", nil
	}
	n := 0
	for e, err := range table.History(ctx) {
		if err != nil {
			return "", err
		}
		if e.Info != nil && strings.HasPrefix(e.Info.EngineInfo, "Apache-Spark/") {
			return fmt.Sprintf("sink %s: Spark has written version %d of %s. On S3 Spark commits without a condition and may overwrite our commits: let it write only while no flow does (docs/OPERATING.md, Object stores)",
				step, e.Version, path), nil
		}
		if n++; n == sparkLooks {
			break
		}
	}
	return "", nil
}

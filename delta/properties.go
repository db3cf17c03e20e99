package delta

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// known are the delta.* properties that a new table may have.
var known = map[string]property{
	"delta.appendOnly":                      {check: boolean},
	"delta.autoOptimize.autoCompact":        {check: oneOf("true", "false", "auto", "legacy")},
	"delta.autoOptimize.optimizeWrite":      {check: boolean},
	"delta.checkpoint.writeStatsAsJson":     {check: boolean},
	"delta.checkpoint.writeStatsAsStruct":   {check: boolean},
	"delta.checkpointInterval":              {check: atLeast(1)},
	"delta.checkpointPolicy":                {check: oneOf("classic", "v2")},
	"delta.checkpointRetentionDuration":     {check: interval},
	"delta.dataSkippingNumIndexedCols":      {check: atLeast(-1)},
	"delta.dataSkippingStatsColumns":        {},
	"delta.dataSkippingStringPrefixLength":  {check: atLeast(0)},
	"delta.deletedFileRetentionDuration":    {check: interval},
	"delta.enableChangeDataFeed":            {check: boolean, feature: "changeDataFeed"},
	"delta.enableDeletionVectors":           {check: boolean, feature: "deletionVectors"},
	"delta.enableExpiredLogCleanup":         {check: boolean},
	"delta.enableInCommitTimestamps":        {check: boolean, feature: "inCommitTimestamp"},
	"delta.enableRowTracking":               {check: boolean, feature: "rowTracking"},
	"delta.enableTypeWidening":              {check: boolean, feature: "typeWidening"},
	"delta.isolationLevel":                  {check: oneOf("Serializable", string(writeSerializable))},
	"delta.logRetentionDuration":            {check: interval},
	"delta.parquet.compression.codec":       {check: oneOf("none", "uncompressed", "snappy", "gzip", "zstd", "lz4", "lz4_raw")},
	"delta.parquet.format.version":          {},
	"delta.setTransactionRetentionDuration": {check: interval},
	"delta.targetFileSize":                  {check: func(v string) string { return wrong(parseSize(v)) }},
	"delta.tuneFileSizesForRewrites":        {check: boolean},
}

// property is what is known of one.
type property struct {
	check   func(value string) string // says what is wrong with a value; nil: it may be any
	feature string                    // that the table needs where it is true
}

func boolean(v string) string { return oneOf("true", "false")(v) }

func interval(v string) string { return wrong(parseInterval(v)) }

func oneOf(values ...string) func(string) string {
	return func(v string) string {
		if slices.ContainsFunc(values, func(w string) bool { return strings.EqualFold(v, w) }) {
			return ""
		}
		return "want " + strings.Join(values[:len(values)-1], ", ") + " or " + values[len(values)-1]
	}
}

func atLeast(least int64) func(string) string {
	return func(v string) string {
		if n, err := strconv.ParseInt(v, 10, 32); err == nil && n >= least {
			return ""
		}
		return fmt.Sprintf("want a whole number that is not less than %d", least)
	}
}

func wrong[T any](_ T, err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// unsupported are properties that are fine as long as they are false or none.
var unsupported = []string{
	"delta.enableVariantShredding", "delta.randomizeFilePrefixes",
	"delta.enableIcebergCompatV1", "delta.enableIcebergCompatV2", "delta.enableIcebergCompatV3"}

// checkProperties returns the properties that a new table gets, and the features that they need. It refuses what no table can have.
func checkProperties(properties map[string]string) (config map[string]string, features []string, err error) {
	config = map[string]string{}
	for k, v := range properties {
		of, ok := known[k]
		switch {
		case !strings.HasPrefix(k, "delta."):
		case strings.HasPrefix(k, "delta.feature."):
			if v != "supported" && v != "enabled" {
				return nil, nil, supervision.New(supervision.Fatal, "DELTA_UNSUPPORTED_FEATURE_STATUS", "the property %s is %q; want supported", k, v)
			}
			features = append(features, strings.TrimPrefix(k, "delta.feature."))
			continue
		case strings.HasPrefix(k, constraintPrefix):
			features = append(features, "checkConstraints")
		case k == "delta.columnMapping.mode":
			switch v {
			case "name", "id":
				features = append(features, "columnMapping")
			case "none":
			default:
				return nil, nil, supervision.New(supervision.Fatal, "DELTA_UNSUPPORTED_COLUMN_MAPPING_MODE", "the property %s is %q; want none, name or id", k, v)
			}
		case slices.Contains(unsupported, k):
			if off := v == "false" || v == "none" || v == "classic"; !off {
				return nil, nil, supervision.New(supervision.Fatal, log.ClassWrite, "the property %s=%s is not supported for new tables yet", k, v)
			}
		case !ok:
			return nil, nil, supervision.New(supervision.Fatal, "DELTA_UNKNOWN_CONFIGURATION", "there is no table property %s%s", k, nearest(k))
		default:
			if of.check != nil {
				if text := of.check(v); text != "" {
					return nil, nil, supervision.New(supervision.Fatal, ClassProperty, "the property %s cannot be %q: %s", k, v, text)
				}
			}
			if of.feature != "" && strings.EqualFold(v, "true") {
				features = append(features, of.feature)
			}
			if k == "delta.checkpointPolicy" && strings.EqualFold(v, "v2") {
				features = append(features, "v2Checkpoint")
			}
		}
		config[k] = v
	}
	sort.Strings(features)
	return config, slices.Compact(features), nil
}

// nearest names the known property that is most like k.
func nearest(k string) string {
	for p := range known {
		if strings.EqualFold(p, k) {
			return fmt.Sprintf("; meant %s?", p)
		}
	}
	return ""
}

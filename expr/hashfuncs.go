package expr

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"strconv"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func defineHashes() {
	binaryArg := []batch.Type{batch.BinaryType}
	define("md5", "md5(x)", "The MD5 digest in hexadecimal digits.", "md5('Spark')", "8cde774d6f7333752ed72cacddb05126", 1, 1,
		eager(batch.StringType, binaryArg, false, strict(batch.StringType, func(x *rows, i int) {
			d := md5.Sum(x.str(0, i))
			x.bytes(hex.AppendEncode(x.buf[:0], d[:]))
		})))
	define("sha1", "sha1(x)", "The SHA-1 digest in hexadecimal digits.", "sha1('')", "da39a3ee5e6b4b0d3255bfef95601890afd80709", 1, 1,
		eager(batch.StringType, binaryArg, false, strict(batch.StringType, func(x *rows, i int) {
			d := sha1.Sum(x.str(0, i))
			x.bytes(hex.AppendEncode(x.buf[:0], d[:]))
		})))
	also("sha1", "sha")
	define("sha2", "sha2(x, bits)", "The SHA-2 digest of 224, 256, 384 or 512 bits in hexadecimal digits; 0 is 256, others give null.",
		"left(sha2('', 256), 8)", "e3b0c442", 2, 2, eager(batch.StringType, []batch.Type{batch.BinaryType, batch.IntType}, false, strict(batch.StringType, sha2)))
	define("crc32", "crc32(x)", "The CRC-32 checksum.", "crc32('Spark')", "1557323817", 1, 1,
		eager(batch.BigIntType, binaryArg, false, strict(batch.BigIntType, func(x *rows, i int) { x.b.Int64(int64(crc32.ChecksumIEEE(x.str(0, i)))) })))
	define("base64", "base64(x)", "The bytes in base 64.", "base64('Spark')", "U3Bhcms=", 1, 1,
		eager(batch.StringType, binaryArg, false, strict(batch.StringType, func(x *rows, i int) {
			x.bytes(base64.StdEncoding.AppendEncode(x.buf[:0], x.str(0, i)))
		})))
	define("unbase64", "unbase64(s)", "The bytes of a text in base 64.", "string(unbase64('U3Bhcms='))", "Spark", 1, 1,
		eager(batch.BinaryType, stringArgs, true, strict(batch.BinaryType, func(x *rows, i int) {
			v, err := base64.StdEncoding.AppendDecode(x.buf[:0], x.str(0, i))
			if err != nil {
				x.fail(i, "CONVERSION_INVALID_INPUT", "the text is not base 64", x.str(0, i))
				return
			}
			x.bytes(v)
		})))
	define("hex", "hex(x)", "An integer, or bytes, in hexadecimal digits.", "hex(255)", "FF", 1, 1,
		func(b *binder, c *parse.Call, args []*node) (*node, error) {
			if numeric(args[0].t.Kind) {
				return eager(batch.StringType, []batch.Type{batch.BigIntType}, false, strict(batch.StringType, func(x *rows, i int) {
					x.bytes(upper(nil, strconv.AppendUint(nil, uint64(x.i64(0, i)), 16)))
				}))(b, c, args)
			}
			return eager(batch.StringType, binaryArg, false, strict(batch.StringType, func(x *rows, i int) {
				x.bytes(bytes.ToUpper(hex.AppendEncode(x.buf[:0], x.str(0, i))))
			}))(b, c, args)
		})
	define("unhex", "unhex(s)", "The bytes of hexadecimal digits; null for others.", "string(unhex('4142'))", "AB", 1, 1,
		eager(batch.BinaryType, stringArgs, false, strict(batch.BinaryType, func(x *rows, i int) {
			s := x.str(0, i)
			if len(s)%2 == 1 {
				s = append([]byte("0"), s...)
			}
			v, err := hex.AppendDecode(x.buf[:0], s)
			if err != nil {
				x.b.Null()
				return
			}
			x.bytes(v)
		})))
}

func sha2(x *rows, i int) {
	s := x.str(0, i)
	buf := x.buf[:0]
	switch x.i32(1, i) {
	case 0, 256:
		d := sha256.Sum256(s)
		buf = hex.AppendEncode(buf, d[:])
	case 224:
		d := sha256.Sum224(s)
		buf = hex.AppendEncode(buf, d[:])
	case 384:
		d := sha512.Sum384(s)
		buf = hex.AppendEncode(buf, d[:])
	case 512:
		d := sha512.Sum512(s)
		buf = hex.AppendEncode(buf, d[:])
	default:
		x.b.Null()
		return
	}
	x.bytes(buf)
}

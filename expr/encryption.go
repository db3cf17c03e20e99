package expr

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

func init() {
	define("aes_encrypt", "aes_encrypt(x, key[, mode[, padding[, iv[, aad]]]])", "The bytes encrypted by AES, in mode GCM, CBC or ECB; those that have a vector want it given, and put it in front.",
		"base64(aes_encrypt('Spark SQL', '1234567890abcdef', 'ECB', 'PKCS'))", "3lmwu+Mw0H3fi5NDvcu9lg==", 2, 6, aesEncrypt)
	define("aes_decrypt", "aes_decrypt(x, key[, mode[, padding[, aad]]])", "The bytes that aes_encrypt was given.",
		"string(aes_decrypt(unbase64('3lmwu+Mw0H3fi5NDvcu9lg=='), '1234567890abcdef', 'ECB', 'PKCS'))", "Spark SQL", 2, 5, aesDecrypt(false))
	define("try_aes_decrypt", "try_aes_decrypt(x, key[, mode[, padding[, aad]]])", "As aes_decrypt, null where it cannot be decrypted.",
		"try_aes_decrypt(X'00', '1234567890abcdef', 'ECB', 'PKCS')", "NULL", 2, 5, aesDecrypt(true))
}

// aesArguments brings the arguments to their types and adds those that are left out.
func (b *binder) aesArguments(c *parse.Call, args []*node, all int) ([]*node, error) {
	defaults := []*node{nil, nil, b.stringLiteral("GCM"), b.stringLiteral("DEFAULT"), b.stringLiteral(""), b.stringLiteral("")}
	for i := len(args); i < all; i++ {
		args = append(args, defaults[i])
	}
	for i := range args {
		t := batch.BinaryType
		if i == 2 || i == 3 {
			t = batch.StringType
		}
		if !accepts(args[i].t, t) {
			return nil, b.mismatch(c, "argument %d of %s is of type %s; %s is needed", i+1, strings.ToLower(c.Name), clip(args[i].t.String()), t)
		}
		var err error
		if args[i], err = b.implicit(args[i], t, c.Args[min(i, len(c.Args)-1)]); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func aesEncrypt(b *binder, c *parse.Call, args []*node) (*node, error) {
	args, err := b.aesArguments(c, args, 6)
	if err != nil {
		return nil, err
	}
	n := b.callStrict("aes_encrypt", batch.BinaryType, strict(batch.BinaryType, func(x *rows, i int) {
		out, class := encrypt(x.buf[:0], x.str(0, i), x.str(1, i), x.str(2, i), x.str(3, i), x.str(4, i), x.str(5, i))
		if class != "" {
			if class == noVector {
				x.fail(i, class, "aes_encrypt draws no vector at random, since a repeated epoch must make the same rows: give it one, different for each row, or use mode ECB", nil)
				return
			}
			x.fail(i, class, "what aes_encrypt is given is no key of 16, 24 or 32 bytes, or its mode, padding, vector and data do not go together", nil)
			return
		}
		x.bytes(out)
	}), args...)
	n.nullable, n.fails = true, true
	return b.intern(n, ""), nil
}

func aesDecrypt(try bool) bindFunction {
	return func(b *binder, c *parse.Call, args []*node) (*node, error) {
		args, err := b.aesArguments(c, args, 5)
		if err != nil {
			return nil, err
		}
		n := b.callStrict(strings.ToLower(c.Name), batch.BinaryType, strict(batch.BinaryType, func(x *rows, i int) {
			out, class := decrypt(x.str(0, i), x.str(1, i), x.str(2, i), x.str(3, i), x.str(4, i))
			switch {
			case class == "":
				x.bytes(append(x.buf[:0], out...))
			case try:
				x.b.Null()
			default:
				x.fail(i, class, "the bytes cannot be decrypted with this key, mode and padding. Use try_aes_decrypt to get NULL instead.", nil)
			}
		}), args...)
		n.nullable, n.fails = true, !try
		return b.intern(n, ""), nil
	}
}

// aesMode returns the mode in capitals, or the class of what is wrong with it beside the padding.
func aesMode(mode, padding []byte) (m, class string) {
	m, p := strings.ToUpper(string(mode)), strings.ToUpper(string(padding))
	switch {
	case m == "GCM" && (p == "NONE" || p == "DEFAULT"), (m == "CBC" || m == "ECB") && (p == "PKCS" || p == "DEFAULT"):
		return m, ""
	}
	return m, "UNSUPPORTED_FEATURE"
}

// noVector is the class where a vector would have to be drawn: nothing here is drawn at random, since a repeated epoch must
// make the same rows.
const noVector = "NOT_IMPLEMENTED"

const invalidParameter = "INVALID_PARAMETER_VALUE"

func encrypt(dst, x, key, mode, padding, vector, aad []byte) ([]byte, string) {
	m, class := aesMode(mode, padding)
	block, err := aes.NewCipher(key)
	switch {
	case err != nil:
		return nil, invalidParameter
	case class != "":
		return nil, class
	case m == "ECB" && len(vector) > 0 || m != "GCM" && len(aad) > 0:
		return nil, "UNSUPPORTED_FEATURE"
	}
	size := map[string]int{"GCM": 12, "CBC": aes.BlockSize}[m]
	if len(vector) == 0 && size > 0 {
		return nil, noVector
	} else if len(vector) != size {
		return nil, invalidParameter
	}
	dst = append(dst, vector...)
	if m == "GCM" {
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			return nil, invalidParameter
		}
		return gcm.Seal(dst, vector, x, aad), ""
	}
	pad := aes.BlockSize - len(x)%aes.BlockSize
	padded := append(bytes.Clone(x), bytes.Repeat([]byte{byte(pad)}, pad)...)
	if m == "CBC" {
		cipher.NewCBCEncrypter(block, vector).CryptBlocks(padded, padded)
	} else {
		for at := 0; at < len(padded); at += aes.BlockSize {
			block.Encrypt(padded[at:], padded[at:])
		}
	}
	return append(dst, padded...), ""
}

var errPadding = errors.New("the padding is broken")

func decrypt(x, key, mode, padding, aad []byte) ([]byte, string) {
	m, class := aesMode(mode, padding)
	block, err := aes.NewCipher(key)
	switch {
	case err != nil:
		return nil, invalidParameter
	case class != "":
		return nil, class
	case m != "GCM" && len(aad) > 0:
		return nil, "UNSUPPORTED_FEATURE"
	}
	var out []byte
	switch m {
	case "GCM":
		var gcm cipher.AEAD
		if gcm, err = cipher.NewGCM(block); err == nil && len(x) >= gcm.NonceSize() {
			out, err = gcm.Open(nil, x[:gcm.NonceSize()], x[gcm.NonceSize():], aad)
		} else {
			err = errPadding
		}
	case "CBC":
		if len(x) < 2*aes.BlockSize || len(x)%aes.BlockSize != 0 {
			return nil, invalidParameter
		}
		out = bytes.Clone(x[aes.BlockSize:])
		cipher.NewCBCDecrypter(block, x[:aes.BlockSize]).CryptBlocks(out, out)
		out, err = unpadded(out)
	default:
		if len(x)%aes.BlockSize != 0 {
			return nil, invalidParameter
		}
		if len(x) == 0 {
			return x, ""
		}
		out = bytes.Clone(x)
		for at := 0; at < len(out); at += aes.BlockSize {
			block.Decrypt(out[at:], out[at:])
		}
		out, err = unpadded(out)
	}
	if err != nil {
		return nil, invalidParameter
	}
	return out, ""
}

// unpadded cuts PKCS padding off.
func unpadded(x []byte) ([]byte, error) {
	n := int(x[len(x)-1])
	if n == 0 || n > aes.BlockSize || n > len(x) || !bytes.Equal(x[len(x)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errPadding
	}
	return x[:len(x)-n], nil
}

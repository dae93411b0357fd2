/// The version that commands print and that certificates and reports record.
package let toolVersion = "0.1.0"

# Who is connected, and to which room. The functions write two items a connection, in one transaction:
#
#   pk                      sk                 attributes
#   CONNECTION#<id>         CONNECTION         room, claims, connected_at, expires_at, ttl
#   ROOM#<room>#<shard>     CONNECTION#<id>    connected_at, expires_at, ttl

resource "aws_dynamodb_table" "connections" {
  # checkov:skip=CKV_AWS_119:Connection ids, rooms and claims that expire within two hours; DynamoDB encrypts them with its own key.
  name                        = "${var.name}-connections"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  # Deletes what a lost $disconnect left behind, up to days late; readers filter by expires_at.
  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }
}

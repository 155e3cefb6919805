variable "name" {
  description = "Prefix of everything that is created."
  type        = string
  default     = "chat"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "Use 1 to 31 of a-z, 0-9 and -, beginning with a letter: IAM role names are short."
  }
}

variable "stage_name" {
  description = "Stage of the API; the last part of the WebSocket URL."
  type        = string
  default     = "prod"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,128}$", var.stage_name))
    error_message = "Use 1 to 128 of A-Z, a-z, 0-9, _ and -."
  }
}

# ---- Functions ----

variable "chat_code" {
  description = "The chat function: path of the zip that cargo-lambda built, or URI of an image in ECR (by digest)."
  type = object({
    zip       = optional(string)
    image_uri = optional(string)
  })

  validation {
    condition     = (var.chat_code.zip == null) != (var.chat_code.image_uri == null)
    error_message = "Set either zip or image_uri."
  }
}

variable "authorizer_enabled" {
  description = "Puts the chat-authorizer function in front: a bad token is refused before the chat function runs."
  type        = bool
  default     = false
}

variable "authorizer_code" {
  description = "The chat-authorizer function, as chat_code."
  type = object({
    zip       = optional(string)
    image_uri = optional(string)
  })
  default = null

  validation {
    condition     = !var.authorizer_enabled || try((var.authorizer_code.zip == null) != (var.authorizer_code.image_uri == null), false)
    error_message = "With authorizer_enabled, set either zip or image_uri."
  }
}

variable "architecture" {
  description = "What the code was built for: arm64 (cheaper) or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Use arm64 or x86_64."
  }
}

variable "memory_size" {
  description = "Memory of a function in MB. CPU comes with it: 1,769 MB is one vCPU."
  type        = number
  default     = 256
}

variable "reserved_concurrency" {
  description = "Most invocations of a function at a time; -1 leaves it to the account's limit."
  type        = number
  default     = -1
}

variable "single_use_tokens" {
  description = "Accepts each token once: for one connection, one renewal or one room. Tokens then need a `jti`, and clients a new token for every attempt to connect."
  type        = bool
  default     = false
}

variable "xray_enabled" {
  description = "Traces the functions with X-Ray."
  type        = bool
  default     = false
}

variable "log_level" {
  description = "RUST_LOG of the functions: a level, and levels of single targets (`info,aws_smithy_runtime=error`). Refusals are logged at warn."
  type        = string
  default     = "info"

  validation {
    # A target without a level means trace, and so does 5.
    condition     = can(regex("^(warn|info|debug)(,[A-Za-z0-9_:]+=(error|warn|info|debug))*$", var.log_level))
    error_message = "Use warn, info or debug, then target=level where wanted. Not trace: lambda_runtime and the AWS SDK then log whole events, and with them tokens. Not off or error: refusals would not be counted."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps logs."
  type        = number
  default     = 30
}

# ---- API ----

variable "ip_address_type" {
  description = "How clients reach the API: dualstack (IPv4 and IPv6) or ipv4."
  type        = string
  default     = "dualstack"

  validation {
    condition     = contains(["dualstack", "ipv4"], var.ip_address_type)
    error_message = "Use dualstack or ipv4."
  }
}

variable "domain" {
  description = <<-TEXT
    A domain name of yours for the API: `name`, the ARN of an ACM certificate for it in this region, and, where several
    APIs share the domain, the `key` of this one: its URL is wss://name/key. The output domain_target is for your DNS.
  TEXT
  type = object({
    name            = string
    certificate_arn = string
    key             = optional(string)
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])+[a-z]{2,63}$", var.domain.name))
    error_message = "domain.name is a host name in lower case, without scheme, path or wildcard: chat.example.com."
  }

  validation {
    condition     = try(var.domain.key, null) == null || can(regex("^[A-Za-z0-9._~-]{1,255}$", var.domain.key))
    error_message = "domain.key is one step of a path, without a slash: WebSocket APIs know no more."
  }
}

variable "disable_execute_api_endpoint" {
  description = "Turns off the API's own endpoint (…execute-api…amazonaws.com), so that clients come by `domain` only."
  type        = bool
  default     = false

  validation {
    condition     = !var.disable_execute_api_endpoint || var.domain != null
    error_message = "Set domain as well: without it nobody could connect."
  }
}

variable "throttling_rate_limit" {
  description = "Events a second (connections, messages) that each route takes. The account's limit is 10,000 by default, in some regions 2,500."
  type        = number
  default     = 1000
}

variable "throttling_burst_limit" {
  description = "Events that each route takes at once. Keep it below the account's Lambda concurrency (1,000; new accounts have less) and reserved_concurrency, or a burst of bad tokens keeps others out."
  type        = number
  default     = 500
}

variable "manage_logging_role" {
  description = <<-TEXT
    Sets the role with which API Gateway writes logs, for the whole account and region. WebSocket APIs
    cannot log without one. Leave false if the account has it (see `aws apigateway get-account`). Destroying the
    module, or setting this to false again, takes the role away from all other APIs of the account and region.
  TEXT
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "Protects the table of connections from deletion. Turn off and apply before destroying."
  type        = bool
  default     = true
}

# ---- Keys: see keys.tf ----

variable "key_source" {
  description = "Where the private key is made and kept: terraform, external or kms."
  type        = string
  default     = "external"

  validation {
    condition     = contains(["terraform", "external", "kms"], var.key_source)
    error_message = "Use terraform, external or kms."
  }
}

variable "key_ids" {
  description = "Names of the keys whose tokens are accepted. Two during a rotation, one otherwise."
  type        = list(string)
  default     = ["key-1"]

  validation {
    # What room-auth takes. Whether the environment can hold them is checked in functions.tf.
    condition     = length(var.key_ids) >= 1 && length(var.key_ids) <= 8 && length(distinct(var.key_ids)) == length(var.key_ids)
    error_message = "Name one to eight different keys."
  }
}

variable "signing_key_id" {
  description = "The one of key_ids that new tokens are signed with (terraform, kms); null if there is only one."
  type        = string
  default     = null

  validation {
    condition     = var.signing_key_id == null ? length(var.key_ids) == 1 || var.key_source == "external" : contains(var.key_ids, var.signing_key_id)
    error_message = "Name one of key_ids."
  }
}

variable "public_keys" {
  description = "For external: the PEM of each of key_ids, as keys.sh prints it."
  type        = map(string)
  default     = {}

  validation {
    condition     = var.key_source != "external" || length(setsubtract(var.key_ids, keys(var.public_keys))) == 0
    error_message = "With key_source external, public_keys needs an entry for each of key_ids."
  }

  validation {
    condition     = alltrue([for pem in values(var.public_keys) : !strcontains(pem, "PRIVATE")])
    error_message = "That is a private key. It belongs in the issuer's secret only: treat it as leaked, since Terraform has read it."
  }

  validation {
    condition     = alltrue([for pem in values(var.public_keys) : strcontains(pem, "-----BEGIN ")])
    error_message = "Each of public_keys is the text of a PEM, as keys.sh prints it: file(\"key-1.pem\"), not its path."
  }
}

variable "external_secret_name" {
  description = "For external: name of the secret that keys.sh made. The module sets its policy: the functions may not read it, issuer_role_arns may."
  type        = string
  default     = null

  validation {
    condition     = var.key_source != "external" || var.external_secret_name != null
    error_message = "With key_source external, name the secret that keys.sh made: the functions are denied to read it."
  }
}

variable "kms_key_specs" {
  description = "For kms: RSA_2048 (RS256) or ECC_NIST_P256 (ES256) by key id; RSA_2048 where nothing is named. Another value for a key makes a new key: to change over, rotate to a new id."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for spec in values(var.kms_key_specs) : contains(["RSA_2048", "ECC_NIST_P256"], spec)])
    error_message = "Use RSA_2048 or ECC_NIST_P256."
  }

  validation {
    condition     = length(setsubtract(keys(var.kms_key_specs), var.key_ids)) == 0
    error_message = "kms_key_specs names a key that is not among key_ids."
  }
}

variable "issuer_role_arns" {
  description = "Roles of the backends that sign tokens. Nobody else may sign with a KMS key."
  type        = list(string)
  default     = []

  validation {
    condition     = var.key_source != "kms" || length(var.issuer_role_arns) > 0
    error_message = "With key_source kms, name at least one role that may sign."
  }
}

variable "secret_kms_key_arn" {
  description = "For terraform: a KMS key of yours that encrypts the secret; the issuers need kms:Decrypt on it."
  type        = string
  default     = null
}

# ---- Operation ----

variable "alarm_actions" {
  description = "ARNs that alarms notify, for example an SNS topic."
  type        = list(string)
  default     = []
}

variable "refusals_alarm_threshold" {
  description = "Refused connections and messages in five minutes that raise the alarm on refusals; null for none. Anybody can raise it by sending bad tokens."
  type        = number
  default     = null
}

variable "refusals_alarm_actions" {
  description = "ARNs that the alarm on refusals notifies: where someone looks by day, not alarm_actions."
  type        = list(string)
  default     = []
}

variable "tags" {
  description = "Tags of everything that is created."
  type        = map(string)
  default     = {}
}

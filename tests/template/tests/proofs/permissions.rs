//! The proofs of who may do what.

use serde_json::{Value, json};

use super::{Proof, admission, roles};

/// About roles, the key's policy, and who may invoke the functions.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "roles_may_use_the_key_for_what_they_touch",
        concerns: &["AWS::IAM::Role", "AWS::KMS::Key"],
        complaints: roles::roles_may_use_the_key_for_what_they_touch,
        flaws: &[
            ("a_sender_that_may_not_encrypt", |template| {
                template.statement("WebhookRole", "EncryptMessages")["Action"] =
                    json!(["kms:Decrypt"]);
            }),
            ("a_reader_that_may_not_decrypt", |template| {
                template.statement("TokenRefreshRole", "DecryptSecret")["Effect"] = json!("Deny");
            }),
            ("a_key_for_the_wrong_service", |template| {
                template.statement("TokenRefreshRole", "EncryptToken")["Condition"]["StringEquals"]
                    ["kms:ViaService"] = json!({"Fn::Sub": "sqs.${AWS::Region}.amazonaws.com"});
            }),
            ("a_schedule_that_may_not_encrypt", |template| {
                template.statement("TokenRefreshScheduleRole", "EncryptMessages")["Resource"] =
                    json!({"Fn::GetAtt": ["TokenTable", "Arn"]});
            }),
            ("a_receiver_that_may_not_decrypt", |template| {
                template.statement("EventProcessorRole", "EncryptMessages")["Action"] =
                    json!(["kms:GenerateDataKey"]);
            }),
            ("an_updater_that_may_not_encrypt", |template| {
                template.statement("EventProcessorRole", "EncryptItems")["Action"] =
                    json!(["kms:Decrypt", "kms:DescribeKey"]);
            }),
            ("an_action_it_does_not_know", |template| {
                template.statement("WebhookRole", "QueueDeliveries")["Action"] =
                    json!("sqs:PurgeQueue");
            }),
        ],
    },
    Proof {
        name: "roles_are_narrow",
        concerns: &["AWS::IAM::Role"],
        complaints: roles::roles_are_narrow,
        flaws: &[
            ("every_resource", |template| {
                template.statement("WebhookRole", "QueueDeliveries")["Resource"] = json!("*");
            }),
            ("every_action", |template| {
                template.statement("TokenRefreshRole", "StoreToken")["Action"] =
                    json!(["dynamodb:*"]);
            }),
            ("more_than_traces", |template| {
                let policy = &mut template.properties("WebhookRole")["Policies"][0];
                let tracing = &mut policy["PolicyDocument"]["Statement"][1]["Fn::If"][1];
                tracing["Action"] = json!(["xray:PutTraceSegments", "xray:GetTraceSummaries"]);
            }),
            ("the_key_used_directly", |template| {
                template.statement("WebhookRole", "DecryptSecret")["Condition"] = json!({});
            }),
            ("a_managed_policy", |template| {
                template.properties("WebhookRole")["ManagedPolicyArns"] =
                    json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
            }),
            ("an_exception", |template| {
                let statement = template.statement("WebhookRole", "QueueDeliveries");
                statement["NotAction"] = statement["Action"].take();
            }),
            ("a_policy_elsewhere", |template| {
                template.0["Resources"]["WebhookRole"]["Type"] = json!("AWS::IAM::RolePolicy");
            }),
        ],
    },
    Proof {
        name: "roles_are_assumed_by_their_service_only",
        concerns: &["AWS::IAM::Role"],
        complaints: roles::roles_are_assumed_by_their_service_only,
        flaws: &[
            ("a_scheduler_of_another_account", |template| {
                template.properties("TokenRefreshScheduleRole")["AssumeRolePolicyDocument"]["Statement"]
                    [0]["Condition"] =
                    json!({"StringEquals": {"aws:SourceAccount": "999999999999"}});
            }),
            ("a_further_principal", |template| {
                template.properties("WebhookRole")["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
                    ["AWS"] = json!("*");
            }),
        ],
    },
    Proof {
        name: "the_key_admits_services_of_this_account_only",
        concerns: &["AWS::KMS::Key"],
        complaints: admission::the_key_admits_services_of_this_account_only,
        flaws: &[
            ("logs_that_are_not_admitted", |template| {
                template.statement("Key", "LogGroupsOfThisAccount")["Action"] =
                    json!(["kms:Decrypt*"]);
            }),
            ("logs_of_other_accounts", |template| {
                template.statement("Key", "LogGroupsOfThisAccount")["Condition"] = json!({});
            }),
            ("queues_that_are_not_admitted", |template| {
                template.statement("Key", "QueuesOfThisAccount")["Principal"]["Service"] =
                    json!(["events.amazonaws.com", "scheduler.amazonaws.com"]);
            }),
            ("a_scheduler_that_is_not_admitted", |template| {
                template.statement("Key", "QueuesOfThisAccount")["Principal"]["Service"] =
                    json!(["sqs.amazonaws.com", "events.amazonaws.com"]);
            }),
            ("queues_of_other_accounts", |template| {
                template.statement("Key", "QueuesOfThisAccount")["Condition"] = Value::Null;
            }),
            ("buses_that_are_not_admitted", |template| {
                template.statement("Key", "EventBusesOfThisAccount")["Action"] =
                    json!(["kms:Decrypt"]);
            }),
            ("buses_of_other_accounts", |template| {
                template.statement("Key", "EventBusesOfThisAccount")["Condition"] = Value::Null;
            }),
            ("a_key_that_event_bridge_does_not_find", |template| {
                template.statement("Key", "EventBridgeLooksTheKeyUp")["Effect"] = json!("Deny");
            }),
            ("more_than_a_look_without_a_condition", |template| {
                template.statement("Key", "EventBridgeLooksTheKeyUp")["Action"] =
                    json!(["kms:DescribeKey", "kms:Decrypt"]);
            }),
            ("rules_that_are_not_admitted", |template| {
                template.statement("Key", "QueuesOfThisAccount")["Principal"]["Service"] =
                    json!(["sqs.amazonaws.com", "scheduler.amazonaws.com"]);
            }),
            ("everybody", |template| {
                template.statement("Key", "AccountDecidesByIam")["Principal"] = json!("*");
            }),
        ],
    },
    Proof {
        name: "functions_are_invoked_from_their_routes_only",
        concerns: &["AWS::ApiGatewayV2::Route", "AWS::Lambda::Permission"],
        complaints: admission::functions_are_invoked_from_their_routes_only,
        flaws: &[
            ("a_route_without_permission", |template| {
                template.properties("WebhookRoute")["RouteKey"] = json!("POST /whoop/other");
            }),
            ("a_permission_for_all_routes", |template| {
                template.properties("WebhookPermission")["SourceArn"] = json!({
                    "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"
                });
            }),
            ("a_permission_for_any_api", |template| {
                template.remove("WebhookPermission", "SourceArn")
            }),
            ("another_function", |template| {
                template.properties("WebhookIntegration")["IntegrationUri"] =
                    json!({"Fn::GetAtt": ["TokenRefreshFunction", "Arn"]});
            }),
            ("an_alias_that_may_not_be_invoked", |template| {
                template.properties("WebhookPermission")["FunctionName"] =
                    json!({"Ref": "WebhookFunction"});
            }),
            ("a_function_that_may_not_be_invoked", |template| {
                template.properties("WebhookPermission")["FunctionName"] =
                    json!({"Ref": "WebhookFunctionAliaslive"});
            }),
        ],
    },
    Proof {
        name: "roles_may_reach_what_they_are_told_of",
        concerns: &[
            "AWS::Lambda::EventInvokeConfig",
            "AWS::Lambda::EventSourceMapping",
            "AWS::Lambda::Function",
            "AWS::Scheduler::Schedule",
        ],
        complaints: roles::roles_may_reach_what_they_are_told_of,
        flaws: &[
            ("a_queue_that_may_not_be_polled", |template| {
                template.statement("EventProcessorRole", "ReceiveDeliveries")["Action"] = json!([
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:ChangeMessageVisibility"
                ]);
            }),
            ("a_message_that_may_not_stay_out", |template| {
                template.statement("EventProcessorRole", "ReceiveDeliveries")["Action"] = json!([
                    "sqs:ReceiveMessage",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes"
                ]);
            }),
            ("poison_that_may_not_be_set_aside", |template| {
                template.statement("EventProcessorRole", "SetAside")["Resource"] =
                    json!({"Fn::GetAtt": ["TokenRefreshFailureQueue", "Arn"]});
            }),
            ("another_bus", |template| {
                template.properties("EventProcessorFunction")["Environment"]["Variables"]["EVENT_BUS_NAME"] =
                    json!("default");
            }),
            ("a_state_that_may_not_be_remembered", |template| {
                template.statement("EventProcessorRole", "RememberPublished")["Action"] =
                    json!("dynamodb:PutItem");
            }),
            ("a_webhook_that_may_not_be_queued", |template| {
                template.statement("WebhookRole", "QueueDeliveries")["Resource"] =
                    json!({"Fn::GetAtt": ["WebhookDeadLetterQueue", "Arn"]});
            }),
            ("a_function_that_may_not_log", |template| {
                template.statement("WebhookRole", "WriteLogs")["Action"] =
                    json!("logs:PutLogEvents");
            }),
            ("a_failure_that_goes_nowhere", |template| {
                template.statement("TokenRefreshRole", "ReportFailures")["Resource"] =
                    json!({"Fn::GetAtt": ["WebhookQueue", "Arn"]});
            }),
            ("a_schedule_that_may_not_invoke", |template| {
                template.statement("TokenRefreshScheduleRole", "InvokeFunction")["Resource"] =
                    json!({"Fn::GetAtt": ["WebhookFunction", "Arn"]});
            }),
            ("a_tick_that_is_lost", |template| {
                template.statement("TokenRefreshScheduleRole", "ReportFailures")["Effect"] =
                    json!("Deny");
            }),
        ],
    },
    Proof {
        name: "roles_may_do_nothing_else",
        concerns: &["AWS::IAM::Role"],
        complaints: roles::roles_may_do_nothing_else,
        flaws: &[
            ("a_state_that_may_be_overwritten", |template| {
                template.statement("EventProcessorRole", "RememberPublished")["Action"] =
                    json!(["dynamodb:UpdateItem", "dynamodb:PutItem"]);
            }),
            ("a_webhook_that_may_be_received", |template| {
                template.statement("WebhookRole", "QueueDeliveries")["Action"] =
                    json!(["sqs:SendMessage", "sqs:ReceiveMessage"]);
            }),
            ("a_further_queue", |template| {
                template.statement("WebhookRole", "QueueDeliveries")["Resource"] = json!([
                    {"Fn::GetAtt": ["WebhookQueue", "Arn"]},
                    {"Fn::GetAtt": ["WebhookDeadLetterQueue", "Arn"]},
                ]);
            }),
            ("secrets_of_another_function", |template| {
                template.statement("TokenRefreshRole", "ReadPartnerCredentials")["Resource"] =
                    json!({"Fn::GetAtt": ["WebhookSigningSecret", "Id"]});
            }),
        ],
    },
];

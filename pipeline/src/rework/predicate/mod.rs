//! Provides `Predicate`, an SQL condition over what the tables say of a clip, planned and computed by DataFusion.

mod columns;
mod context;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, BooleanArray};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, SchemaError};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::simplify::SimplifyContext;
use datafusion_expr::{Expr, Volatility};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::parser::DFParser;
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Token, Tokenizer};
use shardfmt::Taxa;

use self::columns::{columns_of, schema};
use self::context::Functions;
use super::input::Input;
use crate::error::{Error, Result};

/// Most operators of a predicate. A chain of them is planned and computed by recursion, a level for each.
const MAX_OPERATORS: usize = 1000;

/// Stack that the deepest predicate is planned and computed in, unoptimized code included; only what is used takes memory.
pub(super) const STACK_BYTES: usize = 256 << 20;

/// A condition that each clip fulfils or not.
pub(super) struct Predicate {
    text: String,
    schema: SchemaRef,
    planned: Arc<dyn PhysicalExpr>,
}

impl Predicate {
    /// Plans the condition for datasets with these classes.
    ///
    /// # Errors
    /// [`Error::Predicate`], naming the columns, when it is no SQL expression, names a column or function that is not there,
    /// mixes types, is neither true nor false, or could choose other clips tomorrow.
    pub(super) fn new(text: &str, taxa: &Taxa) -> Result<Self> {
        let schema = schema(taxa)?;
        let planned = contained(|| plan(text, &schema)).map_err(|message| wrong(text, &schema, message))?;
        Ok(Predicate {
            text: text.into(),
            schema,
            planned,
        })
    }

    /// The rows of a shard whose clips fulfil the condition. Unknown (NULL) is not fulfilled.
    ///
    /// # Errors
    /// [`Error::Predicate`] when a row's values cannot be computed with (a division by zero, a text that is no number).
    pub(super) fn rows(&self, input: &Input<'_>) -> Result<Vec<u32>> {
        let batch = columns_of(input)?;
        let rows = batch.num_rows();
        let computed = contained(|| {
            let value = self.planned.evaluate(&batch).and_then(|value| value.into_array(rows));
            value.map_err(|error| in_words(&error))
        });
        let array = computed.map_err(|message| {
            let message = format!("in shard {}: {message}", input.number);
            wrong(&self.text, &self.schema, message)
        })?;
        let fulfilled = array.as_any().downcast_ref::<BooleanArray>();
        let fulfilled = fulfilled.into_iter().flatten();
        Ok((0..)
            .zip(fulfilled)
            .filter_map(|(row, value)| (value == Some(true)).then_some(row))
            .collect())
    }
}

fn plan(text: &str, schema: &SchemaRef) -> std::result::Result<Arc<dyn PhysicalExpr>, String> {
    let operators = operators(text)?;
    if operators > MAX_OPERATORS {
        return Err(format!("it has {operators} operators, more than {MAX_OPERATORS}"));
    }
    let words = |error: DataFusionError| in_words(&error);
    let parsed = DFParser::parse_sql_into_expr(text).map_err(words)?;
    if let Some(alias) = parsed.alias {
        return Err(format!("expected an operator or the end, found {alias}"));
    }
    let named = DFSchema::try_from(schema.as_ref().clone()).map_err(words)?;
    let functions = Functions::new();
    let planned = SqlToRel::new(&functions)
        .sql_to_expr(parsed.expr, &named, &mut PlannerContext::new())
        .map_err(words)?;
    if let Some(name) = changing(&planned) {
        return Err(format!("{name}() gives another answer each time"));
    }
    let named = Arc::new(named);
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(named.clone()).build());
    let typed = simplifier
        .coerce(planned, &named)
        .and_then(|typed| simplifier.simplify(typed))
        .map_err(words)?;
    let physical = create_physical_expr(
        &typed,
        &named,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .map_err(words)?;
    match physical.data_type(schema).map_err(words)? {
        DataType::Boolean => Ok(physical),
        other => Err(format!("it is {other}, expected true or false")),
    }
}

/// Number of tokens that can add a level to the expression: all but values, names and what separates them.
fn operators(text: &str) -> std::result::Result<usize, String> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize();
    let adds_no_level = |token: &Token| match token {
        Token::Comma | Token::Period | Token::Number(..) | Token::SingleQuotedString(_) | Token::Whitespace(_) => true,
        Token::Word(word) => word.keyword == Keyword::NoKeyword,
        _ => false,
    };
    let tokens = tokens.map_err(|error| error.to_string())?;
    Ok(tokens.iter().filter(|token| !adds_no_level(token)).count())
}

/// The first function whose value depends on more than its arguments.
fn changing(expression: &Expr) -> Option<String> {
    let mut found = None;
    let visited = expression.apply(|part| {
        let changing = match part {
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => call.func.name(),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        found = Some(changing.to_owned());
        Ok(TreeNodeRecursion::Stop)
    });
    visited.ok().and(found)
}

/// Runs code of the query library, which may panic on what nobody has tried before; nothing it was given is used afterwards.
fn contained<T>(run: impl FnOnce() -> std::result::Result<T, String>) -> std::result::Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("the query library failed on it".into()))
}

/// What the library said, without the columns it lists where there is no such one: all are listed anyway.
fn in_words(error: &DataFusionError) -> String {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => format!("there is no column {}", field.quoted_flat_name()),
            other => other.to_string(),
        },
        // Without the request to report it: a call that is none of one row, such as a window function, is no fault.
        DataFusionError::Internal(text) => format!("it cannot be planned: {text}"),
        other => other.strip_backtrace(),
    }
}

fn wrong(text: &str, schema: &SchemaRef, message: String) -> Error {
    let column =
        |field: &arrow::datatypes::FieldRef| format!("{} ({})", field.name(), columns::type_name(field.data_type()));
    Error::Predicate {
        predicate: text.into(),
        message,
        columns: schema.fields().iter().map(column).collect::<Vec<_>>().join(", "),
    }
}

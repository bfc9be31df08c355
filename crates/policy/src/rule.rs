use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, Env, Program, Value};
use waver_core::decision::Facts;
use waver_schema::SlotName;

use crate::facts;

/// Most characters of a rule.
pub(crate) const MOST_CHARS: usize = 512;
/// Deepest nesting of a rule. Each level of evaluation takes some 30 KiB of stack in an unoptimised build.
const DEEPEST: usize = 16;
/// Stack of the thread that compiles: 512 characters of nested brackets take up to 20 MiB in an unoptimised build.
const COMPILER_STACK: usize = 64 * 1024 * 1024;

/// What compiles rules and knows the functions they may call: CEL's standard ones, without regular expressions and time.
pub(crate) struct RuleEngine {
    env: Arc<Env>,
}

/// A compiled rule.
#[derive(Debug)]
pub(crate) struct Rule(Program);

/// Why a rule does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleFault {
    #[error("the rule has {0} characters, and {MOST_CHARS} are allowed; say it shorter, or with several offers")]
    TooLong(usize),
    #[error("the rule is nested deeper than {DEEPEST} levels; take brackets away, or say it with several offers")]
    TooDeep,
    #[error("the rule has a macro inside of, or over the result of, another; use each on its own, joined by && or ||")]
    NestedMacro,
    #[error("the rule is no CEL expression: {0}")]
    Syntax(String),
    #[error("there is no fact `{name}`; there are {known}")]
    UnknownFact { name: String, known: String },
    #[error("the rule gives {0}, not a bool; compare it with something")]
    NotBool(&'static str),
    #[error("the rule fails: {0}")]
    Evaluation(String),
}

impl RuleEngine {
    pub(crate) fn new() -> RuleEngine {
        RuleEngine { env: Arc::new(Env::stdlib()) }
    }

    /// Compiles a rule and tries it in each of the slots it is for.
    pub(crate) fn compile(&self, source: &str, slots: &[SlotName]) -> Result<Rule, RuleFault> {
        let chars = source.chars().count();
        if chars > MOST_CHARS {
            return Err(RuleFault::TooLong(chars));
        }
        let rule = on_deep_stack(|| self.parse(source))?;
        for facts in slots.iter().flat_map(facts::samples) {
            rule.holds(&self.context(&facts))?;
        }
        Ok(rule)
    }

    /// The facts, ready for rules.
    pub(crate) fn context(&self, facts: &Facts) -> Context<'static, 'static> {
        let mut context = Context::with_env(Arc::clone(&self.env));
        for (name, value) in facts::values(facts) {
            context.add_variable_from_value(name, value);
        }
        context
    }

    fn parse(&self, source: &str) -> Result<Rule, RuleFault> {
        let program = self.env.compile(source).map_err(|errors| {
            // One line: position and message of the first error, without the drawing below it.
            let first = errors.errors.first().map(|error| format!("column {}: {}", error.pos.1, error.msg));
            RuleFault::Syntax(first.unwrap_or_default())
        })?;
        Inspection::default().visit(program.expression(), 0)?;
        Ok(Rule(program))
    }
}

/// Runs `work` where deep recursion has room. The parser recurses with its input, and overflowing a stack cannot be caught.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, RuleFault> + Send) -> Result<T, RuleFault> {
    thread::scope(|scope| {
        let compiler = thread::Builder::new().stack_size(COMPILER_STACK).spawn_scoped(scope, work);
        let compiler = compiler.map_err(|error| RuleFault::Syntax(format!("no room to compile it: {error}")))?;
        compiler.join().unwrap_or_else(|_| Err(RuleFault::Syntax("the compiler gave up on it".into())))
    })
}

impl Rule {
    /// Whether the rule holds.
    pub(crate) fn holds(&self, context: &Context<'_, '_>) -> Result<bool, RuleFault> {
        match self.0.execute(context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(RuleFault::NotBool(type_name(&other))),
            Err(error) => Err(RuleFault::Evaluation(error.to_string())),
        }
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Int(_) | Value::UInt(_) => "a whole number",
        Value::Float(_) => "a double",
        Value::String(_) => "a string",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        _ => "another type",
    }
}

/// Looks through a rule before it is ever evaluated: trying it finds no typo behind a condition that the samples do not meet.
#[derive(Debug, Default)]
struct Inspection<'a> {
    /// Names that macros bind.
    bound: BTreeSet<&'a str>,
    in_macro: bool,
}

impl<'a> Inspection<'a> {
    fn visit(&mut self, expression: &'a IdedExpr, depth: usize) -> Result<(), RuleFault> {
        if depth > DEEPEST {
            return Err(RuleFault::TooDeep);
        }
        let depth = depth + 1;
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.known(name),
            Expr::Select(select) => {
                self.field(&select.operand, &select.field)?;
                self.visit(&select.operand, depth)
            }
            Expr::Call(call) => {
                if let (operators::INDEX, [operand, index]) = (call.func_name.as_str(), call.args.as_slice())
                    && let Expr::Literal(LiteralValue::String(field)) = &index.expr
                {
                    self.field(operand, field.inner())?;
                }
                call.target.iter().try_for_each(|target| self.visit(target, depth))?;
                call.args.iter().try_for_each(|argument| self.visit(argument, depth))
            }
            Expr::List(list) => list.elements.iter().try_for_each(|element| self.visit(element, depth)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| self.entry(&entry.expr, depth)),
            Expr::Struct(structure) => structure.entries.iter().try_for_each(|entry| self.entry(&entry.expr, depth)),
            Expr::Comprehension(comprehension) => {
                // One inside another multiplies the work, and one over another's result can double it at each link of the chain.
                if std::mem::replace(&mut self.in_macro, true) {
                    return Err(RuleFault::NestedMacro);
                }
                self.visit(&comprehension.iter_range, depth)?;
                let outside = self.bound.clone();
                self.bound.extend([comprehension.iter_var.as_str(), comprehension.accu_var.as_str()]);
                self.bound.extend(comprehension.iter_var2.as_deref());
                for part in [
                    &comprehension.accu_init,
                    &comprehension.loop_cond,
                    &comprehension.loop_step,
                    &comprehension.result,
                ] {
                    self.visit(part, depth)?;
                }
                self.bound = outside;
                self.in_macro = false;
                Ok(())
            }
        }
    }

    fn entry(&mut self, entry: &'a EntryExpr, depth: usize) -> Result<(), RuleFault> {
        match entry {
            EntryExpr::StructField(field) => self.visit(&field.value, depth),
            EntryExpr::MapEntry(entry) => {
                self.visit(&entry.key, depth)?;
                self.visit(&entry.value, depth)
            }
        }
    }

    fn known(&self, name: &str) -> Result<(), RuleFault> {
        if self.bound.contains(name) || facts::NAMES.contains(&name) {
            return Ok(());
        }
        Err(RuleFault::UnknownFact { name: name.into(), known: facts::NAMES.join(", ") })
    }

    /// Whether `operand.field` is there, if `operand` is a fact.
    fn field(&self, operand: &IdedExpr, field: &str) -> Result<(), RuleFault> {
        let Expr::Ident(name) = &operand.expr else { return Ok(()) };
        match facts::fields(name).filter(|_| !self.bound.contains(name.as_str())) {
            Some(fields) if !fields.contains(&field) => {
                let known = fields.iter().map(|field| format!("{name}.{field}")).collect::<Vec<_>>().join(", ");
                Err(RuleFault::UnknownFact { name: format!("{name}.{field}"), known })
            }
            _ => Ok(()),
        }
    }
}

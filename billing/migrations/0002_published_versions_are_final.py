"""Let the database itself refuse changes to what was published.

A subscription pins a plan version; if its prices or features could be edited, customers would get
something else than they bought. A price may still be taken off sale (`is_active`) or added in
another currency, and what it is called at a provider is a row of its own.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A published plan version is final: publish a new one.'
        USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER billing_planversion_final_update BEFORE UPDATE ON billing_planversion
FOR EACH ROW WHEN (
    OLD.published_at IS NOT NULL
    AND (OLD.id, OLD.plan_id, OLD.version, OLD.published_at)
        IS DISTINCT FROM (NEW.id, NEW.plan_id, NEW.version, NEW.published_at)
) EXECUTE FUNCTION billing_refuse_change();

CREATE TRIGGER billing_planversion_final_delete BEFORE DELETE ON billing_planversion
FOR EACH ROW WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION billing_refuse_change();

-- FOR SHARE waits for a publication that is under way and then sees its outcome.
CREATE FUNCTION billing_refuse_if_published() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    version_ids uuid[];
    is_final boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        version_ids := ARRAY[NEW.plan_version_id];
    ELSIF TG_OP = 'DELETE' THEN
        version_ids := ARRAY[OLD.plan_version_id];
    ELSE
        version_ids := ARRAY[OLD.plan_version_id, NEW.plan_version_id];
    END IF;
    FOR is_final IN
        SELECT published_at IS NOT NULL FROM billing_planversion
        WHERE id = ANY (version_ids) FOR SHARE
    LOOP
        IF is_final THEN
            RAISE EXCEPTION 'A published plan version is final: publish a new one.'
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER billing_price_final_update BEFORE UPDATE ON billing_price
FOR EACH ROW WHEN (
    (OLD.id, OLD.plan_version_id, OLD.interval, OLD.currency, OLD.amount_minor,
     OLD.usage_type, OLD.trial_days)
    IS DISTINCT FROM
    (NEW.id, NEW.plan_version_id, NEW.interval, NEW.currency, NEW.amount_minor,
     NEW.usage_type, NEW.trial_days)
) EXECUTE FUNCTION billing_refuse_if_published();

CREATE TRIGGER billing_price_final_delete BEFORE DELETE ON billing_price
FOR EACH ROW EXECUTE FUNCTION billing_refuse_if_published();

CREATE TRIGGER billing_planfeature_final BEFORE INSERT OR UPDATE OR DELETE ON billing_planfeature
FOR EACH ROW EXECUTE FUNCTION billing_refuse_if_published();
"""

BACKWARD = """
DROP TRIGGER billing_planfeature_final ON billing_planfeature;
DROP TRIGGER billing_price_final_delete ON billing_price;
DROP TRIGGER billing_price_final_update ON billing_price;
DROP FUNCTION billing_refuse_if_published();
DROP TRIGGER billing_planversion_final_delete ON billing_planversion;
DROP TRIGGER billing_planversion_final_update ON billing_planversion;
DROP FUNCTION billing_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
